import TensorCore
import Testing

@Suite struct ShapeTests {
  @Test func countRankAndDescription() {
    #expect(Shape([]).count == 1)
    #expect(Shape([]).rank == 0)
    #expect(Shape([2, 3, 4]).count == 24)
    #expect(Shape([2, 0, 4]).count == 0)
    #expect(Shape([2, 3]).description == "[2, 3]")
    #expect(Shape([]).description == "[]")
    #expect(Shape([2, 3]) != Shape([3, 2]))
  }

  // A negative axis that is off by one would pass for the first and fail for the last.
  @Test func axesCountFromEitherEnd() {
    let shape: Shape = [2, 3, 4]
    #expect((0..<3).map { shape.validAxis($0, for: "test") } == [0, 1, 2])
    #expect((-3..<0).map { shape.validAxis($0, for: "test") } == [0, 1, 2])
  }

  @Test func splitAroundAnAxis() {
    let shape: Shape = [2, 3, 4, 5]
    #expect(shape.split(around: 0) == (1, 2, 60))
    #expect(shape.split(around: 1) == (2, 3, 20))
    #expect(shape.split(around: 3) == (24, 5, 1))
    #expect(Shape([7]).split(around: 0) == (1, 7, 1))
  }

  @Test func changedAxes() {
    let shape: Shape = [2, 3, 4]
    #expect(shape.removing(axis: 1) == [2, 4])
    #expect(shape.replacing(axis: 2, with: 0) == [2, 3, 0])
    #expect(shape.inserting(axis: 0) == [1, 2, 3, 4])
    #expect(shape.inserting(axis: 3) == [2, 3, 4, 1])
    #expect(shape[2] == 4)
  }

  // NumPy's rules, `np.broadcast_shapes`: an empty axis behaves as any other length, so 0 against 1 is 0.
  @Test(
    arguments: [
      ([], [], []), ([], [3], [3]), ([1], [3], [3]), ([2, 3], [3], [2, 3]), ([2, 1], [3], [2, 3]),
      ([2, 1], [1, 3], [2, 3]), ([4, 1, 3], [2, 1], [4, 2, 3]), ([0], [1], [0]), ([0, 3], [1, 3], [0, 3]),
      ([0, 3], [], [0, 3]), ([1, 1, 1], [2], [1, 1, 2]), ([5, 1, 0], [4, 1], [5, 4, 0]),
    ] as [([Int], [Int], [Int])])
  func broadcast(a: [Int], b: [Int], result: [Int]) {
    #expect(Shape(a).broadcast(with: Shape(b)) == Shape(result))
    #expect(Shape(b).broadcast(with: Shape(a)) == Shape(result))
  }

  @Test(
    arguments: [
      ([2], [3]), ([2, 3], [2]), ([2, 3], [2, 1, 2]), ([0], [3]), ([0, 3], [2, 3]), ([4, 2, 3], [3, 3]),
    ] as [([Int], [Int])])
  func shapesThatDoNotBroadcast(a: [Int], b: [Int]) {
    #expect(Shape(a).broadcast(with: Shape(b)) == nil)
    #expect(Shape(b).broadcast(with: Shape(a)) == nil)
  }
}

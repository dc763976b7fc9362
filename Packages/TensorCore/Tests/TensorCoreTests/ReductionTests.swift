import Foundation
import TensorCore
import Testing

@Suite struct ReductionTests {
  // In Float, 1e8 + 1 is 1e8: a sum that is not kept in Double gives 0.
  @Test func sumsAreKeptInDouble() {
    for n in 1...40 {
      let x = Tensor([1e8] + [Float](repeating: 1, count: n) + [-1e8])
      #expect(x.sum() == Float(n), "\(n) ones between")
    }
    #expect(Tensor([Float]()).sum() == 0)
    #expect(Tensor([Float]()).mean().isNaN)
    #expect(Tensor([3, 4]).sumOfSquares() == 25)
    #expect(Tensor([1, 2, 6]).mean() == 3)
    #expect(Tensor([.infinity, 1]).sum() == .infinity)
    #expect(Tensor([.infinity, -.infinity]).sum().isNaN)
  }

  // All lengths around the vectors, then lengths around the chunks that tasks share: 65,536 scalars.
  @Test(arguments: Array(0...40) + [1000, 65_535, 65_536, 65_537, 200_003])
  func sumsOfAllLengths(n: Int) {
    let x = PlainReference.uniform([n], "sum \(n)")
    let exact = x.scalars.reduce(0) { $0 + Double($1) }
    let squares = x.scalars.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(abs(x.doubleSum() - exact) <= 1e-12 * Double(n))
    #expect(abs(x.sumOfSquares() - squares) <= 1e-12 * Double(n))
    #expect(x.sum() == Float(x.doubleSum()))
    // whole numbers add up exactly in any order
    #expect(Tensor((0..<n).map { Float($0) }).doubleSum() == Double(n * (n - 1) / 2))
  }

  // The largest at each place of each length, and NaN there: an element that no lane looks at would be
  // missed.
  @Test func extremesAtEveryPlace() {
    for n in 1...40 {
      for place in 0..<n {
        var x = Tensor(repeating: -3, shape: [n])
        x[place] = -2
        #expect(x.max() == -2, "\(n) elements, largest at \(place)")
        #expect((-x).min() == 2, "\(n) elements, smallest at \(place)")
        x[place] = .nan
        #expect(x.max().isNaN && x.min().isNaN, "\(n) elements, NaN at \(place)")
      }
    }
    #expect(Tensor([-.infinity, -.infinity]).max() == -.infinity)
    #expect(Tensor([.infinity, .nan, 1]).max().isNaN)
  }

  private static let shapes: [Shape] = [
    [5], [1], [2, 3], [1, 4], [4, 1], [3, 17], [17, 3], [2, 3, 4], [3, 1, 5], [2, 19, 1], [2, 3, 2, 5],
    [3, 33, 18],
  ]

  /// The values along `axis` at each place of the remaining axes.
  private static func lines(_ x: Tensor, _ axis: Int) -> [[Float]] {
    PlainReference.indices(of: x.shape.removing(axis: axis)).map { rest in
      (0..<x.shape[axis]).map { k in
        var index = rest
        index.insert(k, at: axis)
        return PlainReference.element(of: x, at: index)
      }
    }
  }

  // Every axis of every shape against the plain loop: outer, length and inner swapped, or rows and columns.
  @Test(arguments: shapes) func alongEachAxis(shape: Shape) {
    let x = PlainReference.uniform(shape, "axis \(shape)")
    for axis in 0..<shape.rank {
      let lines = Self.lines(x, axis)
      let rest = shape.removing(axis: axis)
      let sums = lines.map { Float($0.reduce(0.0) { $0 + Double($1) }) }
      #expect(x.sum(alongAxis: axis).mismatch(with: Tensor(shape: rest, scalars: sums), ulps: 1) == nil)
      let means = Tensor(shape: rest, scalars: sums.map { $0 / Float(shape[axis]) })
      #expect(x.mean(alongAxis: axis).mismatch(with: means, ulps: 2) == nil)
      #expect(x.max(alongAxis: axis) == Tensor(shape: rest, scalars: lines.map { $0.max()! }))
      #expect(x.min(alongAxis: axis) == Tensor(shape: rest, scalars: lines.map { $0.min()! }))
      let places = lines.map { line in Int32(line.firstIndex(of: line.max()!)!) }
      #expect(x.argmax(alongAxis: axis) == IntTensor(shape: rest, scalars: places))
      #expect(x.sum(alongAxis: axis - shape.rank) == x.sum(alongAxis: axis))
      #expect(x.argmax(alongAxis: axis - shape.rank) == x.argmax(alongAxis: axis))
    }
  }

  // Long enough for several tasks in each of the three layouts of `sum(alongAxis:)`.
  @Test(arguments: [
    ([1000, 70], 1), ([70, 1000], 0), ([3, 300, 130], 1), ([2, 20_000], 0), ([40_000, 2], 0),
  ])
  func sumsOfManyRows(dimensions: [Int], axis: Int) {
    let shape = Shape(dimensions)
    // whole numbers, so that the plain loop in any order is exact
    let x = Tensor(shape: shape) { for i in $0.indices { $0[i] = Float(i % 251) } }
    let (outer, length, inner) = shape.split(around: axis)
    let scalars = x.scalars
    var sums = [Float](repeating: 0, count: outer * inner)
    for o in 0..<outer {
      for k in 0..<length {
        for i in 0..<inner { sums[o * inner + i] += scalars[(o * length + k) * inner + i] }
      }
    }
    #expect(x.sum(alongAxis: axis).scalars == sums)
  }

  @Test func emptyAxes() {
    #expect(Tensor.zeros(shape: [0, 3]).sum(alongAxis: 0) == Tensor([0, 0, 0]))
    #expect(Tensor.zeros(shape: [2, 0]).sum(alongAxis: 1) == Tensor([0, 0]))
    #expect(Tensor.zeros(shape: [2, 0, 3]).sum(alongAxis: 1) == .zeros(shape: [2, 3]))
    #expect(Tensor.zeros(shape: [0, 3]).sum(alongAxis: 1).shape == [0])
    #expect(Tensor.zeros(shape: [0, 3]).max(alongAxis: 1).shape == [0])
    #expect(Tensor.zeros(shape: [3, 0]).argmax(alongAxis: 0).shape == [0])
  }

  @Test func tiesAndNaN() {
    #expect(Tensor([[1, 3, 3], [2, 2, 1]]).argmax(alongAxis: 1) == IntTensor([1, 0]))
    #expect(Tensor([[1, 2], [.nan, 2], [.nan, 2]]).argmax(alongAxis: 0) == IntTensor([1, 0]))
    #expect(Tensor([[-.infinity, -.infinity]]).argmax(alongAxis: 1) == IntTensor([0]))
    let x = Tensor([[1, .nan, 3], [4, 5, 6]])
    #expect(x.max(alongAxis: 0).mismatch(with: Tensor([4, .nan, 6]), ulps: 0) == nil)
    #expect(x.max(alongAxis: 1).mismatch(with: Tensor([.nan, 6]), ulps: 0) == nil)
    #expect(x.min(alongAxis: 0).mismatch(with: Tensor([1, .nan, 3]), ulps: 0) == nil)
  }

  // What the engine does with a gradient: each element of the small shape gets the sum of all its copies.
  @Test func undoingABroadcast() {
    for small in PlainReference.shapes {
      for large in PlainReference.shapes where small.broadcast(with: large) == large {
        let x = Tensor(shape: large) { for i in $0.indices { $0[i] = Float(i + 1) } }
        var sums = Tensor.zeros(shape: small)
        for index in PlainReference.indices(of: large) {
          let own = zip(index.suffix(small.rank), small.dimensions)
          let position = own.reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }
          sums.withUnsafeMutableBufferPointer { $0[position] += PlainReference.element(of: x, at: index) }
        }
        #expect(x.summed(to: small) == sums, "\(large) to \(small)")
      }
    }
  }

  // In a process of its own, because the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let x = PlainReference.uniform([1111, 401], "threads")
      let results = [1, 2, 4, 8].map { threads -> [UInt64] in
        ThreadPool.threadCount = threads
        return [x.doubleSum().bitPattern, x.sumOfSquares().bitPattern]
          + [PlainReference.hash([x.sum(alongAxis: 0), x.sum(alongAxis: 1), x.softmax(), x.exp() * x])]
      }
      #expect(Set(results).count == 1)
    }
  }
}

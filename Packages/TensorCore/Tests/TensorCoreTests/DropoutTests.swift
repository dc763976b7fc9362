import TensorCore
import Testing

@Suite struct DropoutTests {
  private static func keys(_ samples: [Int]) -> [RandomKey] { samples.map { RandomKey(seed: 5).derived($0) } }

  // The draws are those of `uniform`, element by element: rows of every length up to two vectors' blocks, and longer.
  @Test(arguments: [Float(0.1), 0.3, 0.5, 0.9]) func drawsOfTheKeys(rate: Float) {
    for length in Array(0...130) + [1000, 5001] {
      let keys = Self.keys([4, 0, 4, 7])
      let x = PlainReference.uniform([4, length], "x")
      let dy = PlainReference.uniform([4, length], "upstream")
      let (y, mask) = x.dropped(rate: rate, keys: keys)
      let slope = mask.gradient(upstream: dy)
      for row in 0..<4 {
        let isKept = Tensor.uniform(shape: [length], key: keys[row]).scalars.map { $0 >= rate }
        let scale = 1 / (1 - rate)
        #expect(y[row: row].scalars == zip(x[row: row].scalars, isKept).map { $1 ? $0 * scale : 0 })
        #expect(slope[row: row].scalars == zip(dy[row: row].scalars, isKept).map { $1 ? $0 * scale : 0 })
      }
    }
  }

  // A row takes its draws along when the batch is in another order.
  @Test func masksFollowTheKeys() {
    let x = PlainReference.uniform([5, 3, 4, 7], "x")
    let order = [3, 1, 4, 0, 2]
    let (y, mask) = x.dropped(rate: 0.5, keys: Self.keys([0, 1, 2, 3, 4]))
    let (moved, movedMask) = x.gathered(rows: order).dropped(rate: 0.5, keys: Self.keys(order))
    #expect(moved == y.gathered(rows: order) && y != x)
    #expect(
      movedMask.gradient(upstream: x.gathered(rows: order))
        == mask.gradient(upstream: x).gathered(rows: order))
  }

  @Test func nothingAndEverything() {
    let x = PlainReference.uniform([3, 77], "x")
    #expect(x.dropped(rate: 0, keys: Self.keys([0, 1, 2])).values == x)
    let (y, mask) = (x / Tensor(0)).dropped(rate: 1, keys: Self.keys([0, 1, 2]))
    #expect(y == .zeros(shape: [3, 77]) && mask.gradient(upstream: x) == y)
    #expect(Tensor.zeros(shape: [0, 4]).dropped(rate: 0.5, keys: []).values.shape == [0, 4])
  }

  @Test func rowsByFactors() {
    let x = Tensor(shape: [2, 2, 1, 2], scalars: [1, 2, 3, .infinity, .nan, -1, 4, 5])
    let y = x.scaledRows(by: Tensor([[2, 0], [0, -1]]))
    #expect(y.scalars == [2, 4, 0, 0, 0, 0, -4, -5])
    let large = PlainReference.uniform([9, 50, 11, 13], "x")
    let factors = PlainReference.uniform([9, 50], "factors")
    #expect(large.scaledRows(by: factors) == large * factors.reshaped(to: [9, 50, 1, 1]))
    #expect(large.scaledRows(by: Tensor(2)) == large * 2)
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let x = PlainReference.uniform([64, 20, 8, 8], "threads")
      let hashes = [1, 2, 4, 8].map { threads -> UInt64 in
        ThreadPool.threadCount = threads
        let (y, mask) = x.dropped(rate: 0.3, keys: DropoutTests.keys(Array(0..<64)))
        return PlainReference.hash([y, mask.gradient(upstream: x)])
      }
      #expect(Set(hashes).count == 1)
    }
  }
}

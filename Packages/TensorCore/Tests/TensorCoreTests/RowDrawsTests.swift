import TensorCore
import Testing

@Suite struct RowDrawsTests {
  private static let keys = (0..<40).map { RandomKey(seed: 62).derived($0) }

  // A row is its key's own stream: whatever the row's place, its neighbours, and the length of the others.
  @Test(arguments: [1, 3, 64, 785, 9000]) func rowsAreTheirKeysStreams(length: Int) {
    let shape: Shape = [Self.keys.count, length]
    let uniform = Tensor.uniform(shape: shape, in: -2...3, rowKeys: Self.keys)
    let normal = Tensor.normal(shape: shape, mean: 1, standardDeviation: 2, rowKeys: Self.keys)
    for (row, key) in Self.keys.enumerated() {
      #expect(uniform[row: row] == .uniform(shape: [length], in: -2...3, key: key))
      #expect(normal[row: row] == .normal(shape: [length], mean: 1, standardDeviation: 2, key: key))
    }
  }

  @Test func anyRankAndNoRows() {
    let images = Tensor.uniform(shape: [2, 3, 2, 5], rowKeys: [Self.keys[7], Self.keys[1]])
    #expect(images[row: 1] == .uniform(shape: [3, 2, 5], key: Self.keys[1]))
    #expect(Tensor.uniform(shape: [0, 4], rowKeys: []).shape == [0, 4])
    #expect(Tensor.normal(shape: [3, 0], rowKeys: Array(Self.keys.prefix(3))).shape == [3, 0])
  }

  @Test func sameDrawsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let shape: Shape = [40, 3000]
      ThreadPool.threadCount = 1
      let alone = Tensor.normal(shape: shape, rowKeys: RowDrawsTests.keys)
      for threads in [2, 4, 8] {
        ThreadPool.threadCount = threads
        #expect(Tensor.normal(shape: shape, rowKeys: RowDrawsTests.keys) == alone)
      }
    }
  }

  @Test func otherNumbersOfKeysAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor.uniform(shape: [3, 2], rowKeys: Array(RowDrawsTests.keys.prefix(2)))
    }
  }
}

import TensorCore
import Testing

@Suite struct NoisyCopiesTests {
  private static let key = RandomKey(seed: 81)
  private static func image(_ shape: Shape) -> Tensor { .uniform(shape: shape, key: key.derived("image")) }

  // The operations one by one, for images shorter and longer than a vector and than a piece of noise, with and without a
  // rest. A copy that begins at another pixel, a lost bound or a run that forgets to start again would differ.
  @Test(arguments: [1, 3, 4, 15, 64, 784, 785, 2047, 2049, 5000]) func areImagePlusNoise(size: Int) {
    let image = Self.image([size])
    let noise = Tensor.normal(shape: [13, size], standardDeviation: 0.5, key: Self.key)
    let noisy = image.noisyCopies(0..<13, standardDeviation: 0.5, in: 0...1, key: Self.key)
    #expect(noisy == (image + noise).clamped(to: 0...1))
    let other = image.noisyCopies(0..<13, standardDeviation: 0.5, in: -0.25...0.75, key: Self.key)
    #expect(other == (image + noise).clamped(to: -0.25...0.75))
    let free = image.noisyCopies(
      0..<13, standardDeviation: 0.5, in: -Float.infinity...Float.infinity, key: Self.key)
    #expect(free == image + noise)
  }

  // More copies than a task of the pool has, of images with channels.
  @Test func keepTheShapeBehindTheirNumber() {
    let image = Self.image([3, 5, 7])
    let noise = Tensor.normal(shape: [1000, 3, 5, 7], standardDeviation: 2, key: Self.key)
    let noisy = image.noisyCopies(0..<1000, standardDeviation: 2, in: 0...1, key: Self.key)
    #expect(noisy == (image + noise).clamped(to: 0...1))
  }

  @Test func anyPartOfTheCopiesIsTheSame() {
    let image = Self.image([7, 9])
    let all = image.noisyCopies(0..<300, standardDeviation: 1, in: 0...1, key: Self.key)
    for part in [0..<1, 4..<300, 128..<131, 296..<300, 200..<200] {
      #expect(
        image.noisyCopies(part, standardDeviation: 1, in: 0...1, key: Self.key) == all[rows: part], "\(part)")
    }
    #expect(
      Tensor.zeros(shape: [0]).noisyCopies(0..<3, standardDeviation: 1, in: 0...1, key: Self.key).shape == [
        3, 0,
      ])
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      func copies(threads: Int) -> Tensor {
        ThreadPool.threadCount = threads
        return NoisyCopiesTests.image([784]).noisyCopies(
          100..<400, standardDeviation: 1, in: 0...1, key: NoisyCopiesTests.key)
      }
      let alone = copies(threads: 1)
      for threads in [2, 4, 8] { #expect(copies(threads: threads) == alone) }
    }
  }

  // Draw 2 · 3 does not begin a block of four.
  @Test func partsInsideABlockAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = NoisyCopiesTests.image([3]).noisyCopies(
        2..<6, standardDeviation: 1, in: 0...1, key: NoisyCopiesTests.key)
    }
  }
}

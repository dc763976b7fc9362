import TensorCore
import Testing

@Suite struct PixelTests {
  // The kernel multiplies by the rounded reciprocal and corrects; a byte that is one unit off would move an image
  // out of an attack's ball.
  @Test func everyByteIsExact() {
    let bytes = ByteTensor(shape: [1, 256], scalars: Array(0...255))
    #expect(bytes.pixels(rows: [0]).scalars == (0...255).map { Float($0) / 255 })
  }

  // Rows of all sizes, so all tails, in any order and repeated.
  @Test func rowsOfAllSizes() {
    for size in 0...40 {
      let scalars = (0..<(5 * size)).map { UInt8(($0 * 37) % 256) }
      let bytes = ByteTensor(shape: [5, size], scalars: scalars)
      let order = [3, 0, 4, 4, 1]
      let expected = order.flatMap { row in
        (0..<size).map { Float(scalars[row * size + $0]) / 255 }
      }
      #expect(bytes.pixels(rows: order) == Tensor(shape: [5, size], scalars: expected), "\(size)")
    }
  }

  // More rows than one task of the pool takes; the shape of a row is kept.
  @Test func manyRows() {
    let bytes = ByteTensor(shape: [300, 2, 50], scalars: (0..<30_000).map { UInt8($0 / 100 % 256) })
    let order = (0..<2000).map { ($0 * 7919) % 300 }
    let pixels = bytes.pixels(rows: order)
    #expect(pixels.shape == [2000, 2, 50])
    #expect(pixels.scalars == order.flatMap { [Float](repeating: Float($0 % 256) / 255, count: 100) })
    #expect(bytes.pixels(rows: []).shape == [0, 2, 50])
  }
}

import Foundation
import ImageCodecs
import Testing
import TensorCore

@Suite struct ImageTests {
  // Two channels' planes would be swapped, or rows and columns, by a wrong index formula.
  @Test func tensorsArePlanar() {
    let samples: [UInt8] = [0, 51, 102, 153, 204, 255]  // one row of two RGB pixels; 51 = 255 / 5
    let tensor = Image(width: 2, height: 1, channels: 3, pixels: samples).tensor()
    #expect(tensor.shape == [3, 1, 2])
    #expect(tensor.scalars == [0, 0.6, 0.2, 0.8, 0.4, 1])
  }

  @Test func everySampleComesBack() {
    let image = Image(width: 16, height: 16, channels: 1, pixels: (0...255).map { UInt8($0) })
    #expect(Image(image.tensor()) == image)
  }

  // Truncation instead of rounding gives 127 for a half; no clamping traps; NaN traps in `UInt8(_:)`.
  @Test func valuesAreRoundedAndClamped() {
    let tensor = Tensor(shape: [1, 1, 7], scalars: [-1, 0.5, 2, .nan, .infinity, -.infinity, 0.4999 / 255])
    #expect(Image(tensor).pixels == [0, 128, 255, 0, 255, 0, 0])
  }

  @Test func wrongShapesStop() async {
    await #expect(processExitsWith: .failure) { _ = Image(Tensor(repeating: 0, shape: [2, 4, 4])) }
    await #expect(processExitsWith: .failure) { _ = Image(width: 2, height: 2, channels: 1, pixels: [0]) }
    await #expect(processExitsWith: .failure) {
      var image = Image(width: 1, height: 1, channels: 1, pixels: [0])
      image.pixels.append(1)
    }
  }
}

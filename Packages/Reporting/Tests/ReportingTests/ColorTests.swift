import ImageCodecs
import Testing
import TensorCore

@testable import Reporting

@Suite struct ColorTests {
  // WCAG 2: black and white are 0 and 1; sRGB 188 is about half the light of white.
  @Test func luminance() {
    #expect(Color.black.luminance == 0)
    #expect(abs(Color.white.luminance - 1) < 1e-12)
    #expect(abs(Color(0xBCBCBC).luminance - 0.5029) < 1e-4)
    #expect(abs(Color(0xFF0000).luminance - 0.2126) < 1e-12)
  }

  @Test func textStandsOut() {
    #expect(Color(0x08306B).legibleText == .white)
    #expect(Color(0xDEEBF7).legibleText != .white)
    // On every step of the map at least the contrast that WCAG 2 asks of large text.
    for step in 0...200 {
      let color = ColorMap.blues.color(at: Double(step) / 200)
      let (a, b) = (color.luminance, color.legibleText.luminance)
      #expect((max(a, b) + 0.05) / (min(a, b) + 0.05) > 3)
    }
  }

  @Test func mapsInterpolate() {
    let map = ColorMap(stops: [.black, Color(0x0000FF), .white])
    #expect(map.color(at: 0.25) == Color(0x000080))
    #expect(map.color(at: 0.5) == Color(0x0000FF))
    #expect(map.color(at: 1) == .white)
    #expect(map.color(at: 7) == .white)
    #expect(map.color(at: -.infinity) == .black)
    #expect(map.color(at: .nan) == Color(0xFF00FF))
  }

  // A scale that is stretched to the data's minimum and maximum would not keep zero white.
  @Test func divergingIsSymmetricAndShared() {
    let (a, b) = (Tensor([0, 1]), Tensor([-4, .nan]))
    let scale = ColorScale.diverging(for: [a, b])
    #expect(scale.range == -4...4)
    #expect(scale.color(of: 0) == .white)
    #expect(scale.color(of: -4) == Color(0x053061))
    #expect(scale.color(of: 4) == Color(0x67001F))
    // A quarter of the way from the middle to the end lies between the first two stops.
    #expect(scale.color(of: 0.8) == Color(0xFDDBC7))
    #expect(ColorScale.diverging(for: [Tensor([0, 0])]).range == -1...1)
  }

  @Test func sequentialCoversTheData() {
    let scale = ColorScale.sequential(for: [Tensor([[2, 6]]), Tensor([[4]])], map: .greys)
    #expect(
      scale.image(Tensor([[2, 4], [6, .infinity]])).pixels == [0, 0, 0, 128, 128, 128]
        + [UInt8](repeating: 255, count: 6))
    #expect(ColorScale.sequential(for: [Tensor([3])], map: .greys).color(of: 3) == Color(0x808080))
  }
}

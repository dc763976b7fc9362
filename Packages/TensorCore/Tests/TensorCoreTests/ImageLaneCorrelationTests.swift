import Testing

@testable import TensorCore

/// Several images as the lanes of vectors, against seven plain loops, and bit by bit against the same images one by one.
@Suite struct ImageLaneCorrelationTests {
  private static func settings(_ stride: Extent, padding: Extent = 0, dilation: Extent = 1)
    -> ConvolutionSettings
  {
    ConvolutionSettings(stride: stride, padding: padding, dilation: dilation)
  }

  /// Images for more than one vector, not filling the last; planes of fewer elements than a vector, and of more; strides
  /// that leave pixels out, and kernels that leave the last row or column out.
  static let cases = [
    ConvolutionCase([33, 1, 14, 14], [9, 1, 5, 5], settings(2)),
    ConvolutionCase([17, 7, 12, 12], [8, 7, 5, 5], settings(2), hasBias: false),
    ConvolutionCase([19, 5, 11, 15], [7, 5, 3, 3], settings(2, padding: 1)),
    ConvolutionCase(
      [18, 4, 13, 10], [5, 4, 5, 3],
      settings(Extent(height: 3, width: 2), padding: Extent(height: 2, width: 1))),
    ConvolutionCase([16, 6, 10, 10], [4, 6, 1, 1], settings(3)),
    ConvolutionCase([16, 3, 6, 8], [4, 3, 2, 2], settings(4)),
    ConvolutionCase([16, 3, 12, 11], [3, 3, 3, 3], settings(2, padding: 2, dilation: 2)),
    ConvolutionCase([35, 2, 1, 3], [3, 2, 1, 3], settings(2, padding: 3)),
    ConvolutionCase([16, 3, 6, 6], [4, 3, 4, 4], settings(1)),
    // a whole result is shorter than a vector
    ConvolutionCase([18, 2, 5, 6], [1, 2, 3, 3], settings(2)),
  ]

  private func prepared(_ c: ConvolutionCase, _ pass: ConvolutionPass) -> PreparedConvolution {
    PreparedConvolution(
      weight: c.weight, settings: c.settings, image: c.x.shape.removing(axis: 0), pass: pass,
      execution: .dense)
  }

  /// Results for each image alone: the way for few images.
  private func alone(_ x: Tensor, _ body: (_ one: Tensor, _ row: Range<Int>) -> Tensor) -> Tensor {
    .stacked((0..<x.shape[0]).map { body(x[rows: $0..<($0 + 1)], $0..<($0 + 1))[row: 0] })
  }

  @Test(arguments: cases.indices) func forwardIsPlainAndTheSameBitsAlone(index: Int) {
    let c = Self.cases[index]
    let s = ConvolutionShape(input: c.x.shape, weight: c.weight.shape, settings: c.settings)
    #expect(ImageLaneCorrelation.suits(s, pass: .forward))
    let convolution = prepared(c, .forward)
    let plain = PlainConvolution(c)
    let y = convolution(c.x, bias: c.bias)
    #expect(y.mismatch(with: plain.output, relativeToLargest: 1e-5) == nil, "\(c.name)")
    #expect(y == alone(c.x) { one, _ in convolution(one, bias: c.bias) }, "\(c.name)")
    // with all that may follow the sum
    let (scale, shift) = (
      PlainReference.uniform([c.weight.shape[0]], "scale"),
      PlainReference.uniform([c.weight.shape[0]], "shift")
    )
    let ended = convolution(c.x, bias: c.bias, thenReLU: true, scale: scale, shift: shift)
    #expect(
      ended
        == alone(c.x) { one, _ in
          convolution(one, bias: c.bias, thenReLU: true, scale: scale, shift: shift)
        }, "\(c.name)")
    let addend = PlainReference.uniform(y.shape, "addend")
    #expect(
      convolution(c.x, bias: c.bias, addend: addend)
        == alone(c.x) { one, row in convolution(one, bias: c.bias, addend: addend[rows: row]) }, "\(c.name)")
  }

  @Test(arguments: cases.indices) func inputGradientIsPlainAndTheSameBitsAlone(index: Int) {
    let c = Self.cases[index]
    let s = ConvolutionShape(input: c.x.shape, weight: c.weight.shape, settings: c.settings)
    #expect(ImageLaneCorrelation.suits(s, pass: .inputGradient) == (c.settings.stride != 1))
    let gradient = prepared(c, .inputGradient)
    let dx = gradient(c.dy)
    #expect(dx.mismatch(with: PlainConvolution(c).inputGradient, relativeToLargest: 1e-5) == nil, "\(c.name)")
    #expect(dx == alone(c.dy) { one, _ in gradient(one) }, "\(c.name)")
    // about half of the gate is closed
    let gate = PlainReference.uniform(c.dy.shape, "gate")
    let gated = ConvolutionCase(
      x: c.x, weight: c.weight, bias: nil, dy: c.dy.wherePositive(gate), settings: c.settings)
    let closed = gradient(c.dy, gate: gate)
    #expect(
      closed.mismatch(with: PlainConvolution(gated).inputGradient, relativeToLargest: 1e-5) == nil,
      "\(c.name)")
    #expect(closed == alone(c.dy) { one, row in gradient(one, gate: gate[rows: row]) }, "\(c.name)")
  }

  // Lanes of images that are not there must not reach those that are, and a NaN stays in its image.
  @Test func imagesDoNotMix() {
    let c = ConvolutionCase([16, 2, 9, 9], [3, 2, 3, 3], Self.settings(2))
    let convolution = prepared(c, .forward)
    let whole = convolution(c.x, bias: c.bias)
    for count in [9, 13] {
      #expect(convolution(c.x[rows: 0..<count], bias: c.bias) == whole[rows: 0..<count])
    }
    var x = c.x
    x[4, 1, 4, 4] = .nan
    let broken = convolution(x, bias: c.bias)
    for image in 0..<16 { #expect(broken[row: image].isFinite == (image != 4)) }
  }
}

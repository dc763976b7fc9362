import TensorCore

/// A convolution of the benchmarked networks, and the batches that its rows measure.
struct ConvolutionLayer: Sendable {
  var inputs: Int
  var outputs: Int
  /// Height and width of the input.
  var map: Int
  var kernel: Int
  var stride = 1
  var padding = 0
  /// The batch of the network's training row.
  var batch: Int
  /// Whether single images matter too, forward.
  var hasSingles = false

  /// Every shape that occurs, once.
  static let all: [ConvolutionLayer] = [
    // Net
    ConvolutionLayer(inputs: 1, outputs: 10, map: 28, kernel: 5, batch: 64),
    ConvolutionLayer(inputs: 10, outputs: 20, map: 12, kernel: 5, batch: 64),
    // ConvNN
    ConvolutionLayer(inputs: 1, outputs: 5, map: 28, kernel: 5, batch: 64),
    ConvolutionLayer(inputs: 5, outputs: 5, map: 12, kernel: 5, batch: 64),
    // wide
    ConvolutionLayer(inputs: 1, outputs: 32, map: 28, kernel: 3, batch: 64),
    ConvolutionLayer(inputs: 32, outputs: 64, map: 26, kernel: 3, batch: 64),
    // SimpleCNN
    ConvolutionLayer(inputs: 3, outputs: 32, map: 32, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 32, outputs: 64, map: 16, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 64, outputs: 128, map: 8, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    // ResNetSmall
    ConvolutionLayer(inputs: 3, outputs: 64, map: 32, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 64, outputs: 64, map: 32, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(
      inputs: 64, outputs: 128, map: 32, kernel: 3, stride: 2, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 64, outputs: 128, map: 32, kernel: 1, stride: 2, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 128, outputs: 128, map: 16, kernel: 3, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(
      inputs: 128, outputs: 256, map: 16, kernel: 3, stride: 2, padding: 1, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 128, outputs: 256, map: 16, kernel: 1, stride: 2, batch: 32, hasSingles: true),
    ConvolutionLayer(inputs: 256, outputs: 256, map: 8, kernel: 3, padding: 1, batch: 32, hasSingles: true),
  ]

  var settings: ConvolutionSettings { ConvolutionSettings(stride: Extent(stride), padding: Extent(padding)) }
  var weightShape: Shape { [outputs, inputs, kernel, kernel] }
  func inputShape(batch: Int) -> Shape { [batch, inputs, map, map] }
}

extension ConvolutionPass {
  /// As in the name of a row.
  var label: String {
    switch self {
    case .forward: "forward"
    case .inputGradient: "input_gradient"
    case .weightGradient: "weight_gradient"
    }
  }
}

/// An operation in the JSON text of a stored network. Which members there are depends on `kind`.
struct StoredOperation: Codable {
  enum Kind: String, CaseIterable {
    case convolution, linear, affine, relu, maxPool, averagePool, adaptiveAveragePool, reshape, sum
  }

  var kind: String
  /// The places of the operands; 0 is the network's input.
  var inputs: [Int]
  /// What the names of its tensors begin with.
  var name: String?
  /// A weight's shape, or a result's without the batch.
  var shape: [Int]?
  var stride: [Int]?
  var padding: [Int]?
  var dilation: [Int]?
  var groups: Int?
  /// A window's size, or the size of an adaptive pooling's result.
  var size: [Int]?
  var countsPadding: Bool?
  /// How products are computed; left out where it is dense.
  var execution: String?

  init(_ kind: Kind, inputs: [Int]) { (self.kind, self.inputs) = (kind.rawValue, inputs) }
}

/// The JSON text of a stored network.
struct StoredDescription: Codable {
  static let key = "rampart.network"
  static let currentVersion = 1

  enum Arithmetic: String, CaseIterable {
    case float32, int8
  }

  var version: Int
  var arithmetic: String
  /// The shape of one input, without the batch.
  var sample: [Int]
  var operations: [StoredOperation]
  /// In 8 bits, the places of the results that are kept as bytes.
  var activations: [Int]?
}

extension Extent {
  /// Height, then width.
  var stored: [Int] { [height, width] }
}

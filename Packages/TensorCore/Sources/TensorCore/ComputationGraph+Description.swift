extension ComputationGraph {
  /// What an operation does, without its numbers: enough to follow channels through a network.
  public enum Kind: Sendable, Hashable {
    /// The sample.
    case input
    /// A convolution with weights `[outputs, inputs / groups, rows, columns]`.
    case convolution(weight: Shape, groups: Int)
    /// A product with weights `[outputs, inputs]`.
    case linear(weight: Shape)
    /// A factor and an offset for each channel.
    case affine
    /// Anything that leaves channels apart and maps zeros to zeros: ReLU and pooling.
    case channelwise
    /// The same numbers under another shape.
    case reshape
    /// The sum of two results.
    case sum
    /// An operation of which nothing is known.
    case other
  }

  /// An operation of a graph.
  public struct Description: Sendable, Hashable {
    /// What it does.
    public let kind: Kind
    /// The places of its operands in `descriptions`.
    public let inputs: [Int]
    /// The result's shape, without the batch.
    public let shape: Shape
  }

  /// All operations, each after its operands; the first is the input.
  public var descriptions: [Description] {
    nodes.map { Description(kind: Kind($0.operation), inputs: $0.inputs, shape: $0.shape) }
  }

  /// How many operations there are, the input included.
  public var operationCount: Int { nodes.count }

  /// A result's place in `descriptions`.
  public func place(of value: Value) -> Int { value.index }
}

extension ComputationGraph.Kind {
  init(_ operation: ComputationGraph.Operation) {
    switch operation {
    case .input: self = .input
    case .convolution(let weight, _, let settings, _):
      self = .convolution(weight: weight.shape, groups: settings.groups)
    case .linear(let weight, _, _): self = .linear(weight: weight.shape)
    case .affine: self = .affine
    case .relu, .maxPool, .averagePool, .adaptiveAveragePool: self = .channelwise
    case .reshape: self = .reshape
    case .sum: self = .sum
    default: self = .other
    }
  }
}

/// How a plan computes a layer's products with its weight. Results differ in the last digits only.
public enum WeightExecution: String, Hashable, Sendable, CaseIterable {
  /// Every product, by the way that was fastest for such shapes when the rule was made.
  case dense
  /// Every product of a convolution, as `ConvolutionPath.direct` has it.
  case direct
  /// Every product of a convolution, as `ConvolutionPath.winograd` has it.
  case winograd
  /// Only products with elements that are not zero: faster where most of a weight is pruned.
  case sparse
}

extension ComputationGraph {
  /// Whether an operation can be computed in a way; none without a weight can.
  ///
  /// - Parameter place: the operation's place in `descriptions`.
  public func canExecute(_ execution: WeightExecution, at place: Int) -> Bool {
    switch nodes[place].operation {
    case .linear: execution == .dense || execution == .sparse
    case .convolution:
      execution != .winograd || WinogradConvolution.suits(convolutionShape(at: place)!, pass: .forward)
    default: false
    }
  }

  /// The ways in which an operation can be computed, `dense` first, without the one that `dense` stands for.
  ///
  /// - Parameter place: the operation's place in `descriptions`.
  public func executions(at place: Int) -> [WeightExecution] {
    let rule = convolutionShape(at: place).map { shape in
      ConvolutionPath.resolve(nil, for: .forward, shape) == .winograd ? WeightExecution.winograd : .direct
    }
    return WeightExecution.allCases.filter { canExecute($0, at: place) && $0 != rule }
  }

  /// The share of zeros in an operation's weight, 0 to 1; nil for an operation without a weight.
  ///
  /// - Parameter place: the operation's place in `descriptions`.
  public func sparsity(at place: Int) -> Double? {
    switch nodes[place].operation {
    case .convolution(let weight, _, _, _), .linear(let weight, _, _):
      weight.withUnsafeBufferPointer { Double($0.count { $0 == 0 }) / Double(max(1, $0.count)) }
    default: nil
    }
  }

  private func convolutionShape(at place: Int) -> ConvolutionShape? {
    guard case .convolution(let weight, _, let settings, _) = nodes[place].operation else { return nil }
    let image = nodes[nodes[place].inputs[0]].shape.inserting(axis: 0)
    return ConvolutionShape(input: image, weight: weight.shape, settings: settings)
  }
}

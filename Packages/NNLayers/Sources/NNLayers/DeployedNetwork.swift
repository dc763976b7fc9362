import Foundation
import TensorCore

/// A network from a file that a plan was saved to, of any form (dense, sparse, 8-bit, low rank), without the types that
/// trained it: the same logits bit for bit, and gradients to attack it by.
///
///     try model.prepared(for: [3, 32, 32]).save(to: url)
///     let attacked = PlanClassifier(try DeployedNetwork(contentsOf: url))
public struct DeployedNetwork: InferencePlan {
  /// What was saved: an `EvaluationPlan` or a `QuantizedPlan`.
  public let plan: any InferencePlan
  /// The text that was stored beside it.
  public let metadata: [String: String]

  /// Reads a file.
  ///
  /// - Throws: `InputError` for a file that is missing or damaged, or holds no network; see `StoredNetwork`.
  public init(contentsOf url: URL) throws { try self.init(SafeTensors(contentsOf: url)) }

  /// A network that was read.
  ///
  /// - Throws: `InputError` for a file that is damaged or holds no network; see `StoredNetwork`.
  public init(_ file: SafeTensors) throws {
    let network = try StoredNetwork(file)
    if network.isQuantized { plan = try QuantizedPlan(network) } else { plan = EvaluationPlan(network) }
    metadata = StoredNetwork.metadata(besides: file)
  }

  /// The shape of one input, without the batch.
  public var sample: Shape { plan.sample }

  /// `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor { plan.logits(x) }

  /// The logits, and the gradient with respect to each input of a function of them: `[n, classes]` and `[n, …]`; through
  /// bytes as `QuantizedPlan` has it.
  ///
  /// - Parameter upstream: the function's gradient with respect to the logits of some rows, shaped as these; called from
  ///   several threads.
  public func logitsAndInputGradient(
    at x: Tensor, upstream: (_ logits: Tensor, _ rows: Range<Int>) -> Tensor
  ) -> (logits: Tensor, gradient: Tensor) {
    plan.logitsAndInputGradient(at: x, upstream: upstream)
  }
}

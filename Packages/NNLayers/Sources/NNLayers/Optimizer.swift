import TensorCore

/// Changes a model's parameters by their gradients.
public protocol Optimizer: Sendable {
  /// The learning rate before any group's factor; schedules set it.
  var learningRate: Float { get set }
  /// What must be saved to go on later as if nothing had happened.
  var state: OptimizerState { get set }
  /// One step, in place. Frozen parameters and those without a gradient stay.
  mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients)
}

/// What an optimizer remembers between steps.
public struct OptimizerState: Sendable {
  /// How many steps were taken.
  public var stepCount: Int
  /// Tensors by `quantity/parameter name`, for example `velocity/0.weight`.
  public var tensors: [String: Tensor]

  /// A state.
  public init(stepCount: Int = 0, tensors: [String: Tensor] = [:]) {
    self.stepCount = stepCount
    self.tensors = tensors
  }

  // The tensors of one quantity by parameter name, and back.
  func quantity(_ name: String) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (key, value) in tensors where key.hasPrefix(name + "/") {
      result[String(key.dropFirst(name.count + 1))] = value
    }
    return result
  }
  mutating func set(_ quantity: String, _ values: [String: Tensor]) {
    for (name, value) in values { tensors["\(quantity)/\(name)"] = value }
  }
}

/// Parameters that are treated differently from the rest: the first group that includes a parameter counts.
///
///     Adam(learningRate: 1e-3, coupledDecay: 1e-4, groups: [.init(decay: 0, includes: ParameterGroup.isBias)])
public struct ParameterGroup: Sendable {
  /// Decides by a parameter's name and shape.
  public typealias Condition = @Sendable (String, Parameter) -> Bool

  /// A factor of the learning rate.
  public var learningRateFactor: Float
  /// The decay, in place of the optimizer's; nil keeps that one.
  public var decay: Float?
  /// Which parameters belong here.
  public var includes: Condition

  /// A group.
  public init(learningRateFactor: Float = 1, decay: Float? = nil, includes: @escaping Condition) {
    self.learningRateFactor = learningRateFactor
    self.decay = decay
    self.includes = includes
  }

  /// Matrices and kernels: parameters of rank 2 or more. The scales of normalisation layers are not weights.
  public static let isWeight: Condition = { $1.value.rank >= 2 }
  /// Everything else: biases, scales and shifts.
  public static let isBias: Condition = { $1.value.rank < 2 }
}

extension Array where Element == ParameterGroup {
  /// The rate and decay of one parameter.
  func settings(_ name: String, _ parameter: Parameter, rate: Float, decay: Float) -> (
    rate: Float, decay: Float
  ) {
    guard let group = first(where: { $0.includes(name, parameter) }) else { return (rate, decay) }
    return (rate * group.learningRateFactor, group.decay ?? decay)
  }
}

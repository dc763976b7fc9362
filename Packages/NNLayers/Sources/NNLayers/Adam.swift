import TensorCore

/// Adam, with coupled decay (`coupledDecay`: PyTorch's `Adam(weight_decay:)`) or decoupled decay (`decoupledDecay`:
/// `AdamW(weight_decay:)`); `AdamUpdate` has the formulas. Its t counts the optimizer's steps, so a parameter that is
/// thawed later starts with empty moments and a late t, where PyTorch counts each parameter's own steps.
public struct Adam: Optimizer {
  /// The learning rate.
  public var learningRate: Float
  /// β₁, the memory of the mean.
  public var beta1: Double
  /// β₂, the memory of the squares.
  public var beta2: Double
  /// ε, which keeps the quotient finite.
  public var epsilon: Float
  /// Where the decay acts.
  public enum Decay: Sendable, Hashable {
    /// Added to the gradient, and so scaled by Adam's denominator.
    case coupled
    /// Taken from the parameter directly.
    case decoupled
  }
  /// Where the decay acts.
  public let decayKind: Decay
  /// The decay of parameters that no group includes.
  public var decay: Float
  /// Parameters with settings of their own.
  public var groups: [ParameterGroup]

  private var means: [String: Tensor] = [:]
  private var squares: [String: Tensor] = [:]
  private var stepCount = 0

  /// Adam with coupled decay: `coupledDecay · p` is added to the gradient.
  public init(
    learningRate: Float = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8,
    coupledDecay: Float = 0, groups: [ParameterGroup] = []
  ) {
    self.init(learningRate, beta1, beta2, epsilon, .coupled, coupledDecay, groups)
  }

  /// AdamW: each step takes `learningRate · decoupledDecay` of a parameter away. PyTorch's default decay is 0.01.
  public init(
    learningRate: Float = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8,
    decoupledDecay: Float, groups: [ParameterGroup] = []
  ) {
    self.init(learningRate, beta1, beta2, epsilon, .decoupled, decoupledDecay, groups)
  }

  private init(
    _ learningRate: Float, _ beta1: Double, _ beta2: Double, _ epsilon: Float, _ kind: Decay, _ decay: Float,
    _ groups: [ParameterGroup]
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    decayKind = kind
    self.decay = decay
    self.groups = groups
  }

  /// One step, in place.
  public mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
    stepCount += 1
    model.visitParameters { name, parameter in
      guard parameter.isTrainable, let gradient = gradients[name] else { return }
      let (rate, decay) = groups.settings(name, parameter, rate: learningRate, decay: decay)
      let update = AdamUpdate(
        rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
        coupledDecay: decayKind == .coupled ? decay : 0, decoupledDecay: decayKind == .decoupled ? decay : 0,
        step: stepCount)
      let shape = gradient.shape
      update.apply(
        to: &parameter.value, gradient: gradient, mean: &means[name, default: .zeros(shape: shape)],
        square: &squares[name, default: .zeros(shape: shape)])
    }
  }

  /// The moments.
  public var state: OptimizerState {
    get {
      var state = OptimizerState(stepCount: stepCount)
      state.set("mean", means)
      state.set("square", squares)
      return state
    }
    set {
      stepCount = newValue.stepCount
      means = newValue.quantity("mean")
      squares = newValue.quantity("square")
    }
  }
}

import TensorCore

/// Stochastic gradient descent with momentum, Nesterov's look-ahead and coupled decay (`SGDUpdate` has the
/// formulas).
public struct SGD: Optimizer {
  /// The learning rate.
  public var learningRate: Float
  /// μ, 0 for none.
  public var momentum: Float
  /// How much of each new gradient is left out of the velocity.
  public var dampening: Float
  /// Whether steps look ahead.
  public var nesterov: Bool
  /// The factor of a parameter that is added to its gradient; PyTorch calls it `weight_decay`.
  public var coupledDecay: Float
  /// Parameters with settings of their own.
  public var groups: [ParameterGroup]

  private var velocities: [String: Tensor?] = [:]
  private var stepCount = 0

  /// An optimizer.
  ///
  /// - Precondition: Nesterov needs a momentum and no dampening.
  public init(
    learningRate: Float, momentum: Float = 0, dampening: Float = 0, nesterov: Bool = false,
    coupledDecay: Float = 0, groups: [ParameterGroup] = []
  ) {
    precondition(
      !nesterov || momentum > 0 && dampening == 0,
      "SGD: Nesterov with momentum \(momentum), dampening \(dampening)")
    self.learningRate = learningRate
    self.momentum = momentum
    self.dampening = dampening
    self.nesterov = nesterov
    self.coupledDecay = coupledDecay
    self.groups = groups
  }

  /// One step, in place.
  public mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
    stepCount += 1
    model.visitParameters { name, parameter in
      guard parameter.isTrainable, let gradient = gradients[name] else { return }
      let (rate, decay) = groups.settings(name, parameter, rate: learningRate, decay: coupledDecay)
      SGDUpdate(rate: rate, momentum: momentum, dampening: dampening, nesterov: nesterov, coupledDecay: decay)
        .apply(to: &parameter.value, gradient: gradient, velocity: &velocities[name, default: nil])
    }
  }

  /// The velocities.
  public var state: OptimizerState {
    get {
      var state = OptimizerState(stepCount: stepCount)
      state.set("velocity", velocities.compactMapValues { $0 })
      return state
    }
    set {
      stepCount = newValue.stepCount
      velocities = newValue.quantity("velocity")
    }
  }
}

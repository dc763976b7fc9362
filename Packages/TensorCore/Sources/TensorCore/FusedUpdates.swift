import Foundation
internal import CKernels

/// One step of stochastic gradient descent for one tensor, as PyTorch's `torch.optim.SGD` computes it.
///
///     g ← gradient + coupledDecay · p
///     v ← μ v + (1 − dampening) g    (v ← g in the first step)
///     p ← p − rate · (nesterov ? g + μ v : v)    (without momentum: p − rate · g)
public struct SGDUpdate: Sendable {
  /// The learning rate.
  public var rate: Float
  /// μ; 0 keeps no velocity.
  public var momentum: Float
  /// How much of the new gradient is left out of the velocity.
  public var dampening: Float
  /// Whether the step looks ahead by the velocity.
  public var nesterov: Bool
  /// The factor of the parameter that is added to its gradient.
  public var coupledDecay: Float

  /// A step with these settings.
  public init(
    rate: Float, momentum: Float = 0, dampening: Float = 0, nesterov: Bool = false, coupledDecay: Float = 0
  ) {
    self.rate = rate
    self.momentum = momentum
    self.dampening = dampening
    self.nesterov = nesterov
    self.coupledDecay = coupledDecay
  }

  /// Updates a parameter and its velocity in place; the velocity is made in the first step.
  ///
  /// - Precondition: the shapes are equal.
  public func apply(to parameter: inout Tensor, gradient: Tensor, velocity: inout Tensor?) {
    precondition(
      parameter.shape == gradient.shape, "SGD: parameter \(parameter.shape), gradient \(gradient.shape)")
    let isFirst = velocity == nil
    if momentum != 0 && isFirst { velocity = Tensor(uninitialized: parameter.shape) }
    var settings = ck_sgd_settings(
      rate: rate, momentum: momentum, dampening: dampening, coupled_decay: coupledDecay,
      nesterov: nesterov ? 1 : 0, first: isFirst ? 1 : 0)
    let v = velocity?.withUnsafeMutableBufferPointer { $0.baseAddress }.map(SendablePointer.init)
    let g = gradient.pointer
    withExtendedLifetime(gradient) {
      parameter.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let p = SendablePointer(base)
        withUnsafePointer(to: &settings) { settings in
          ThreadPool.run(count: buffer.count, inChunksOf: elementwiseChunk) { range in
            let first = range.lowerBound
            ck_sgd(settings, p.pointer + first, g + first, v.map { $0.pointer + first }, range.count)
          }
        }
      }
    }
  }
}

/// One step of Adam for one tensor, as PyTorch's `torch.optim.Adam` (coupled decay) and `AdamW` (decoupled decay)
/// compute it.
///
///     g ← gradient + coupledDecay · p,   p ← p (1 − rate · decoupledDecay)
///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
///     p ← p − rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
///
/// Sources: Kingma and Ba, "Adam", ICLR 2015; Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR
/// 2019.
public struct AdamUpdate: Sendable {
  /// The learning rate.
  public var rate: Float
  /// β₁, the memory of the mean.
  public var beta1: Double
  /// β₂, the memory of the squares.
  public var beta2: Double
  /// ε, which keeps the quotient finite.
  public var epsilon: Float
  /// The factor of the parameter that is added to its gradient.
  public var coupledDecay: Float
  /// The share of the parameter, times the rate, that each step takes away.
  public var decoupledDecay: Float
  /// t, 1 in the first step.
  public var step: Int

  /// A step with these settings.
  public init(
    rate: Float, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8, coupledDecay: Float = 0,
    decoupledDecay: Float = 0, step: Int
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.coupledDecay = coupledDecay
    self.decoupledDecay = decoupledDecay
    self.step = step
  }

  /// Updates a parameter and its two moments in place; start the moments at zero.
  ///
  /// - Precondition: the shapes are equal and `step` is 1 or more.
  public func apply(to parameter: inout Tensor, gradient: Tensor, mean: inout Tensor, square: inout Tensor) {
    precondition(
      parameter.shape == gradient.shape && mean.shape == gradient.shape && square.shape == gradient.shape,
      "Adam: parameter \(parameter.shape), gradient \(gradient.shape), moments \(mean.shape) and \(square.shape)"
    )
    precondition(step >= 1, "Adam: step \(step) is below 1")
    let meanCorrection = 1 - pow(beta1, Double(step))
    let squareCorrection = 1 - pow(beta2, Double(step))
    var settings = ck_adam_settings(
      step: Float(Double(rate) / meanCorrection), epsilon: epsilon, coupled_decay: coupledDecay,
      beta2: Float(beta2), rest1: Float(1 - beta1), rest2: Float(1 - beta2),
      shrink: 1 - rate * decoupledDecay,
      square_correction: Float(1 / squareCorrection.squareRoot()))
    let g = gradient.pointer
    withExtendedLifetime(gradient) {
      parameter.withUnsafeMutableBufferPointer { buffer in
        mean.withUnsafeMutableBufferPointer { means in
          square.withUnsafeMutableBufferPointer { squares in
            guard let base = buffer.baseAddress, let m = means.baseAddress, let v = squares.baseAddress else {
              return
            }
            let pointers = (SendablePointer(base), SendablePointer(m), SendablePointer(v))
            withUnsafePointer(to: &settings) { settings in
              ThreadPool.run(count: buffer.count, inChunksOf: elementwiseChunk) { range in
                let first = range.lowerBound
                ck_adam(
                  settings, pointers.0.pointer + first, g + first, pointers.1.pointer + first,
                  pointers.2.pointer + first, range.count)
              }
            }
          }
        }
      }
    }
  }
}

import Attacks
import NNLayers
import TensorCore

/// The attack of each training step: the same throughout, or one whose radius grows at first.
///
///     let attack = AttackSchedule(radius: 0.3, warmUp: 5) { radius in
///       ProjectedGradient(budget: LInfBall(radius: radius), stepSize: radius / 4, steps: 10)
///     }
///
/// The radius rises linearly with the time in epochs, r(t) = r · min(1, t / warm-up), at every step. A network that meets
/// the full radius from its first step on may learn nothing but to answer with one class (Gowal et al., "Scalable Verified
/// Training for Provably Robust Image Classification", ICCV 2019, ramp their radius so).
public struct AttackSchedule<Method: Attack>: Sendable, CustomStringConvertible {
  /// The attack at the full radius.
  public let full: Method
  /// How many epochs the radius grows.
  public let warmUp: Double
  private let make: (@Sendable (_ radius: Float) -> Method)?

  /// The same attack at every step.
  public init(_ attack: Method) {
    full = attack
    warmUp = 0
    make = nil
  }

  /// A radius that grows from 0.
  ///
  /// - Parameters:
  ///   - radius: the full radius, in pixel units.
  ///   - warmUp: how many epochs it grows; fractions count.
  ///   - make: the attack of a radius, its step size following the radius.
  /// - Precondition: the warm-up is not negative and finite.
  public init(radius: Float, warmUp: Double, _ make: @escaping @Sendable (_ radius: Float) -> Method) {
    precondition(
      warmUp >= 0 && warmUp.isFinite, "AttackSchedule: a warm-up of \(warmUp) epochs")
    full = make(radius)
    self.warmUp = warmUp
    self.make = make
  }

  /// The attack at a time in epochs since the start.
  public func attack(at time: Double) -> Method {
    guard let make, time < warmUp else { return full }
    return make(Float(Double(full.budget.radius) * time / warmUp))
  }

  /// The attack, and how it begins.
  public var description: String {
    "\(full)" + (warmUp > 0 ? ", radius growing over \(warmUp) epochs" : "")
  }
}

extension Layer {
  /// The model in training as its attacker sees it: prepared, so in evaluation mode. Dropout then does not hide the gradient,
  /// batch norm uses its running statistics and measures nothing, and no weight gradient is computed.
  func underAttack(by inputs: Tensor, range: ClosedRange<Float>) throws -> PlanClassifier {
    PlanClassifier(try prepared(for: inputs.shape.removing(axis: 0)), inputRange: range)
  }
}

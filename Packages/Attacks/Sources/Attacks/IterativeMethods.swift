import Foundation

extension ProjectedGradient where Allowed == LInfBall {
  /// The basic iterative method (BIM, iterative FGSM): from the input itself, steps of one grey level.
  ///
  /// The default number of steps is the paper's rule `min(ε + 4, 1.25 ε)`, ε counted in steps, to the nearest integer.
  ///
  /// Source: Kurakin, Goodfellow, Bengio, "Adversarial Examples in the Physical World", ICLR 2017 workshop.
  ///
  /// - Precondition: without a number of steps, the step size is positive.
  public static func basicIterative(budget: LInfBall, stepSize: Float = 1 / 255, steps: Int? = nil) -> Self {
    let steps =
      steps
      ?? {
        precondition(stepSize > 0, "basicIterative: step size \(stepSize) gives no number of steps")
        let radius = Double(budget.radius) / Double(stepSize)
        return Int(min(radius + 4, 1.25 * radius).rounded())
      }()
    return ProjectedGradient(budget: budget, stepSize: stepSize, steps: steps, startsAtRandom: false)
  }
}

extension ProjectedGradient {
  /// The momentum iterative method (MI-FGSM in an `LInfBall`): T steps of radius / T along the decaying sum of gradients,
  /// which carries over to other models better than the last gradient does.
  ///
  ///     g ← μ g + ∇objective(x) / ‖∇objective(x)‖₁,   x ← project(x + radius/T · steepestAscent(g))
  ///
  /// Source: Dong, Liao, Pang, Su, Zhu, Hu, Li, "Boosting Adversarial Attacks with Momentum", CVPR 2018.
  ///
  /// - Parameters:
  ///   - budget: what it may do to an input.
  ///   - steps: T.
  ///   - decay: μ.
  /// - Precondition: `steps` is positive.
  public static func momentumIterative(budget: Allowed, steps: Int = 10, decay: Float = 1) -> Self {
    precondition(steps > 0, "momentumIterative: \(steps) steps")
    return ProjectedGradient(
      budget: budget, stepSize: budget.radius / Float(steps), steps: steps, startsAtRandom: false,
      momentum: decay)
  }
}

import Attacks

extension AdversarialTraining where Method == ProjectedGradient<LInfBall> {
  /// Fast adversarial training: one sign step of 1.25 radii from a uniform random start, projected back into the ball; all
  /// samples are attacked.
  ///
  ///     x' = project(x₀ + 1.25 ε sign(∇ₓ L(f(x₀), y))),   x₀ uniform in the ball
  ///
  /// Half the cost of two-step attacks, but with a larger step or more epochs it can overfit to its single step, so watch it
  /// with a `RobustnessProbe`.
  ///
  /// Source: Wong, Rice, Kolter, "Fast Is Better Than Free: Revisiting Adversarial Training", ICLR 2020, algorithm 3. As in
  /// their code the start is clipped to the valid range before the gradient is taken; here the model is then in evaluation mode.
  ///
  /// - Parameters:
  ///   - radius: ε, in pixel units.
  ///   - stepFactor: the step's length in radii; the paper finds collapse near 2.
  ///   - warmUp: how many epochs the radius grows.
  ///   - inputRange: the values a valid input's elements may take.
  public static func fast(
    radius: Float, stepFactor: Float = 1.25, warmUp: Double = 0, inputRange: ClosedRange<Float> = 0...1
  ) -> AdversarialTraining {
    let attack = AttackSchedule(radius: radius, warmUp: warmUp) { radius in
      ProjectedGradient(budget: LInfBall(radius: radius), stepSize: stepFactor * radius, steps: 1)
    }
    return AdversarialTraining(attack: attack, share: 1, inputRange: inputRange)
  }
}

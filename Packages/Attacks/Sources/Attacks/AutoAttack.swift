import TensorCore

/// AutoAttack: four attacks without parameters that differ in what they climb, each on the samples that the ones before it left
/// standing.
///
///     judge(AutoAttack.standard(budget: LInfBall(radius: 0.3)), against: model, on: images, traces: true, key: key)
///
/// A list is nothing special: `WorstCase` takes any other one, and its `components(of:)` tells which attack broke how many.
///
/// Source: Croce, Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
/// ICML 2020.
public enum AutoAttack {
  /// The standard list, for models that give the same answer twice: APGD on cross-entropy, APGD towards each of 9 classes,
  /// FAB towards each of 9 classes, Square with 5,000 queries.
  public static func standard<Ball: NormBall>(budget: Ball) -> WorstCase<Ball> {
    WorstCase([
      AutoProjectedGradient(budget: budget),
      AutoProjectedGradient(budget: budget, objective: .targetedDifferenceOfLogitsRatio(classes: 9)),
      WithinBudget(
        FastAdaptiveBoundary(norm: Ball.norm, targetClasses: 9, radius: budget.radius), budget: budget),
      SquareAttack(budget: budget),
    ])
  }

  /// The list for models that answer at random: APGD on cross-entropy and on the difference of logits ratio, with this many
  /// gradients averaged for each step.
  public static func random<Ball: NormBall>(budget: Ball, gradientDraws: Int = 20) -> WorstCase<Ball> {
    WorstCase([
      AutoProjectedGradient(budget: budget, gradientDraws: gradientDraws),
      AutoProjectedGradient(
        budget: budget, objective: .differenceOfLogitsRatio, gradientDraws: gradientDraws),
    ])
  }
}

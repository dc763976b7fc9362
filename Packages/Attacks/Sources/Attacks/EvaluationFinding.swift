import TensorCore

/// What one check of a robustness evaluation came to: a row of a table.
public struct EvaluationFinding: Sendable, Hashable, CustomStringConvertible {
  /// What was checked.
  public let check: EvaluationCheck
  /// How bad it is.
  public let severity: Severity
  /// What was measured.
  public let measured: String
  /// On how many samples.
  public let count: Int

  /// How bad a finding is.
  public enum Severity: Int, Sendable, Hashable, Comparable, CaseIterable {
    /// What was expected.
    case passed
    /// The samples at hand cannot tell.
    case undecided
    /// The number may be too good.
    case doubtful
    /// The number says nothing about robustness.
    case invalid

    /// The order of the cases.
    public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
  }

  /// Whether the number should not be published as it is.
  public var isFlagged: Bool { severity >= .doubtful }
  /// When the check flags.
  public var threshold: String { check.threshold }
  /// Why an honest evaluation passes.
  public var reason: String { check.reason }
  /// What to do; empty where nothing was flagged.
  public var remedy: String { isFlagged ? check.remedy : "" }

  /// The check, its severity, what was measured, and what to do.
  public var description: String {
    "\(check.rawValue): \(severity), \(measured), n = \(count)" + (isFlagged ? ". \(remedy)" : "")
  }
}

/// A property that every sound evaluation of a model's robustness has.
///
/// Sources: Athalye, Carlini, Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018; Carlini et al., "On
/// Evaluating Adversarial Robustness", 2019; Tramèr, Carlini, Brendel, Madry, "On Adaptive Attacks to Adversarial Example
/// Defenses", NeurIPS 2020; Pintor et al., "Indicators of Attack Failure: Debugging and Improving Optimization of
/// Adversarial Examples", NeurIPS 2022.
public enum EvaluationCheck: String, Sendable, Hashable, CaseIterable {
  /// The model gives logits and not probabilities.
  case logits = "answers are logits"
  /// The same input has the same answer twice.
  case repeatability = "answers repeat"
  /// A sample's answer does not depend on the rest of its batch.
  case independence = "samples do not mix"
  /// An attack that may change nothing changes nothing.
  case zeroRadius = "radius 0 is clean accuracy"
  /// No gradient is NaN or infinite.
  case finiteGradients = "gradients are finite"
  /// The gradient of the logits' margin does not vanish.
  case nonzeroGradients = "gradients are not zero"
  /// The gradient of the cross-entropy does not vanish where that of the margin does not.
  case unsaturatedLoss = "the loss is not saturated"
  /// A small step changes the margin as the gradient says.
  case truthfulGradients = "gradients predict small steps"
  /// More radius never means less success.
  case growingRadius = "success rises with the radius"
  /// Where any image is allowed, every sample falls.
  case hugeRadius = "a huge radius fells all"
  /// More steps help, and do not help much.
  case moreSteps = "steps suffice"
  /// An attack without gradients is no better than one with them.
  case blackBox = "black box is no better"
  /// A point that reached the goal is the attack's result.
  case keptSuccess = "successes are kept"
  /// The number at hand is as low as the attacks of these checks make it.
  case claim = "the number withstands"
}

/// The limits, chosen before any defence was held back to try them on.
extension EvaluationCheck {
  /// The largest p-value of an exact test, and the probability with which an exact bound may fail, that a check flags on.
  static let significance = 0.01
  /// Answers differ when a logit moves by more than this share of the batch's largest logit; rounding moves them by 1e-5.
  static let answerTolerance = 1e-4
  /// The share of samples whose gradient may be zero.
  static let zeroShare = 0.05
  /// The share of samples whose loss may be saturated.
  static let saturatedShare = 0.1
  /// The share of the predicted change that a small step must bring at least.
  static let truthfulChange = 0.5
  /// The share of samples whose small step may bring less.
  static let untruthfulShare = 0.25
  /// The success that a huge radius must reach.
  static let hugeSuccess = 0.99
  /// By how much four times the steps, or the checks' own attacks, may be better.
  static let gain = 0.1
  /// The share of samples that were adversarial on the way and not at its end.
  static let lostShare = 0.01

  /// When the check flags.
  public var threshold: String {
    func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
    let bound = "the \(percent(1 - Self.significance)) lower bound of their share exceeds "
    let test = "exact McNemar test with p < \(Self.significance)"
    return switch self {
    case .logits: "every row in [0, 1] with a sum within 1e-4 of 1"
    case .repeatability, .independence:
      "any sample whose logits differ by more than \(Self.answerTolerance) of the largest"
    case .zeroRadius: "any sample that changes its class"
    case .finiteGradients: "any sample with a gradient that is not finite"
    case .nonzeroGradients: bound + percent(Self.zeroShare)
    case .unsaturatedLoss: bound + percent(Self.saturatedShare)
    case .truthfulGradients:
      "\(bound)\(percent(Self.untruthfulShare)), of samples that change by less than "
        + "\(percent(Self.truthfulChange)) of what the gradient says"
    case .growingRadius: "less success at the larger of two radii, \(test)"
    case .hugeRadius:
      "the \(percent(1 - Self.significance)) upper bound of success is below \(percent(Self.hugeSuccess))"
    case .moreSteps: "less success with more steps, or more by over \(percent(Self.gain)), \(test)"
    case .blackBox: "more success without gradients than with them, \(test)"
    case .keptSuccess: "more than \(percent(Self.lostShare)) of the samples"
    case .claim: "more success by over \(percent(Self.gain)), \(test)"
    }
  }

  /// Why an honest evaluation passes.
  public var reason: String {
    switch self {
    case .logits: "The loss contains the softmax; a second one flattens its gradient."
    case .repeatability:
      "A random answer hides the gradient, and a lucky one counts as robust: an attack must average over the draws."
    case .independence:
      "In training mode batch norm measures the batch and dropout draws by row: the attacked model is not the one in use."
    case .zeroRadius: "An attack that may not move cannot change an answer."
    case .finiteGradients: "A step along NaN goes nowhere, so an attack fails without having tried."
    case .nonzeroGradients: "Without a slope an attack stays where it is, however weak the model."
    case .unsaturatedLoss:
      "With logits far apart the cross-entropy's gradient is smaller than a Float can hold, the margin's is not."
    case .truthfulGradients:
      "Where a step that any attack takes does not change the margin as its gradient says, the gradient belongs to "
        + "another function or is shattered."
    case .growingRadius: "The larger ball contains the smaller one."
    case .hugeRadius: "Every class's images are allowed, so nothing is robust."
    case .moreSteps:
      "A longer search finds what a shorter one finds; if it finds far more, even more would be found."
    case .blackBox: "Gradients only add to what an attacker without them knows, unless they are masked."
    case .keptSuccess: "An attacker uses the best point that was found, not the last."
    case .claim: "Robust accuracy is that under the strongest attack: any attack that does better refutes it."
    }
  }

  /// What to do.
  public var remedy: String {
    switch self {
    case .logits: "Attack the model without its softmax."
    case .repeatability: "Average the gradient over many draws, and judge each result by many."
    case .independence: "Put the model into evaluation mode."
    case .zeroRadius: "Make the model answer the same in both runs before anything is attacked."
    case .finiteGradients: "Find the operation whose gradient is not finite, and replace it."
    case .nonzeroGradients:
      "Put a differentiable substitute in the backward pass of what has no slope, or attack without gradients."
    case .unsaturatedLoss:
      "Climb the margin of the logits, or their difference ratio, instead of the cross-entropy."
    case .truthfulGradients:
      "Attack through a substitute for what shatters the gradient, or without gradients; where the backward pass is a "
        + "substitute by intention, believe the attack without gradients."
    case .growingRadius: "Give the attack more steps and restarts, and keep its best point."
    case .hugeRadius:
      "The attack does not work on this model: adapt it before any smaller radius is reported."
    case .moreSteps: "Raise the steps until the number stands, with a step size that follows."
    case .blackBox: "Report the lower number, and look for what masks the gradient."
    case .keptSuccess: "Keep each sample's best point."
    case .claim: "Report the worst case of all attacks."
    }
  }
}

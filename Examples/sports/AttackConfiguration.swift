import Attacks
import Foundation
import Reporting
import TensorCore

/// One attack with its settings, as the document's files and tables name it.
struct AttackConfiguration: Sendable {
  /// The folder of its files: `fgsm_untargeted_eps_0.01`.
  let folder: String
  /// "FGSM", "PGD".
  let method: String
  /// What tells it from others of the method: "eps 0.01".
  let setting: String
  /// The wanted class; nil goes away from the true one.
  let target: Int?
  let attack: any Attack
  /// Whether it is one of the document's.
  var isDocumented = false
  /// How many images it is worth; nil for all.
  var limit: Int?

  var title: String { "\(method) \(target == nil ? "untargeted" : "targeted"), \(setting)" }

  /// The radius in the document's norm; nil where the attack has none.
  var lInfRadius: Float? { (attack.budget as? LInfBall)?.radius }

  /// All settings by name (requirement D4.75).
  var parameters: JSONObject {
    var values: JSONObject = [
      "attack": .string(attack.description), "targeted": .bool(target != nil),
      "target_class": target.map { .integer($0) } ?? .null,
    ]
    if let radius = lInfRadius { values["eps"] = .number(radius) }
    values["loss"] = "cross-entropy"
    values["clip_range"] = [0, 1]
    switch attack {
    case let attack as ProjectedGradient<LInfBall>:
      values["step_size"] = .number(attack.stepSize)
      values["iterations"] = .integer(attack.steps)
      values["random_start"] = .bool(attack.startsAtRandom)
      values["projection"] = "L-infinity ball, then the clip range"
    case is FastGradient<LInfBall>:
      values["iterations"] = 1
      values["random_start"] = false
      values["projection"] = "L-infinity ball, then the clip range"
    default: values["loss"] = "the attack's own"
    }
    return values
  }

  /// The document's ten (requirements D4.53 to D4.56).
  static func documented(_ plan: AttackPlan) -> [AttackConfiguration] {
    let goals: [(name: String, target: Int?)] = [("untargeted", nil), ("targeted", plan.target)]
    let single = goals.flatMap { goal in
      plan.radii.map { radius in
        AttackConfiguration(
          folder: "fgsm_\(goal.name)_eps_\(radius)", method: "FGSM", setting: "eps \(radius)",
          target: goal.target, attack: FastGradient(budget: LInfBall(radius: radius)), isDocumented: true)
      }
    }
    return single
      + goals.map { goal in
        AttackConfiguration(
          folder: "pgd_\(goal.name)", method: "PGD", setting: "eps \(plan.radius)", target: goal.target,
          attack: ProjectedGradient(
            budget: LInfBall(radius: plan.radius), stepSize: plan.stepSize, steps: plan.steps),
          isDocumented: true)
      }
  }

  /// What stands beside them: other searches at the same radius, searches for the closest image, and noise.
  static func further(_ plan: AttackPlan) -> [AttackConfiguration] {
    let ball = LInfBall(radius: plan.radius)
    func untargeted(
      _ folder: String, _ method: String, _ setting: String, _ attack: any Attack,
      limit: Int? = nil
    ) -> AttackConfiguration {
      AttackConfiguration(
        folder: folder, method: method, setting: setting, target: nil, attack: attack, limit: limit)
    }
    let eps = "eps \(plan.radius)"
    // as long as a sign step of all 3,072 values
    let sphere = L2Ball(radius: plan.radius * Float(3_072).squareRoot())
    return [
      untargeted("bim", "BIM", eps, ProjectedGradient.basicIterative(budget: ball)),
      untargeted("mi_fgsm", "MI-FGSM", eps, ProjectedGradient.momentumIterative(budget: ball)),
      untargeted("square", "Square", eps, SquareAttack(budget: ball, queries: plan.queries.square)),
      untargeted("autoattack_eps_\(plan.radius)", "AutoAttack", eps, plan.autoAttack(plan.radius)),
      untargeted(
        "autoattack_eps_1_255", "AutoAttack", "eps 1/255", plan.autoAttack(plan.smallRadius)),
      untargeted("deepfool", "DeepFool", "closest in L2", WithinBudget(DeepFool())),
      untargeted(
        "carlini_wagner", "Carlini-Wagner", "closest in L2",
        WithinBudget(
          CarliniWagner(steps: plan.carliniWagner.steps, searches: plan.carliniWagner.searches)),
        limit: plan.costly),
      untargeted(
        "hop_skip_jump", "HopSkipJump", "closest in L2",
        WithinBudget(HopSkipJump(queryLimit: plan.queries.hopSkipJump)), limit: plan.costly),
      untargeted(
        "noise_uniform", "Uniform noise", eps, RandomNoise(budget: ball, distribution: .uniform)),
      untargeted("noise_sign", "Sign noise", eps, RandomNoise(budget: ball, distribution: .sign)),
      untargeted(
        "noise_gaussian", "Gaussian noise",
        "L2 \(Table.Cell.number(Double(sphere.radius), decimals: 3).text)",
        RandomNoise(budget: sphere, distribution: .gaussian)),
    ]
  }

  /// What training images are attacked with: the document's attacks, where PGD lets an image go at its first success, and
  /// AutoAttack at the document's radius. At a small one, where most images stand, a thousand would take hours.
  static func forTraining(_ plan: AttackPlan) -> [AttackConfiguration] {
    documented(plan).map { one in
      guard var search = one.attack as? ProjectedGradient<LInfBall> else { return one }
      search.leavesWhenReached = true
      return AttackConfiguration(
        folder: one.folder, method: one.method, setting: one.setting, target: one.target, attack: search,
        isDocumented: true)
    } + further(plan).filter { $0.method == "AutoAttack" && $0.lInfRadius == plan.radius }
  }
}

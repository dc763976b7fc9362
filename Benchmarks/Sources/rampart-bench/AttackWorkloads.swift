import Attacks
import NNLayers
import TensorCore

extension Workload {
  /// Attacks in pixel units, the normalisation inside the model.
  static let attacks = [
    Workload(name: "net.pgd50.b1000") {
      attackStep(
        net(), digitShape, count: 1_000,
        ProjectedGradient(budget: LInfBall(radius: 32 / 255), stepSize: 3.2 / 255, steps: 50))
    },
    Workload(name: "simplecnn.fgsm.b20") {
      attackStep(
        normalized(simpleCNN()), pictureShape, count: 20, FastGradient(budget: LInfBall(radius: 0.03)))
    },
    Workload(name: "simplecnn.pgd40.b20") {
      attackStep(normalized(simpleCNN()), pictureShape, count: 20, picturePGD)
    },
    Workload(name: "resnet.pgd40.b20") {
      attackStep(normalized(resNetSmall()), pictureShape, count: 20, picturePGD)
    },
    Workload(name: "digits.autoattack.b100") { autoAttackStep(count: 100) },
  ]
}

private let picturePGD = ProjectedGradient(budget: LInfBall(radius: 0.03), stepSize: 0.01, steps: 40)

/// The whole attack on one batch, against a model that was prepared for evaluation.
private func attackStep(
  _ model: some Layer, _ sample: Shape, count: Int, _ attack: some Attack
) -> () -> Void {
  let classifier = PlanClassifier(prepared(model, for: sample))
  let x = randomImages(count, sample)
  let goal = Untargeted(labels: randomLabels(count))
  return { _ = attack.perturb(x, against: classifier, goal: goal, key: benchmarkKey) }
}

/// AutoAttack in the L-infinity ball of radius 0.2 on digits and a network trained adversarially.
private func autoAttackStep(count: Int) -> () -> Void {
  do {
    let samples = try AttackCase.digits(count: count)
    let attack = AutoAttack.standard(budget: LInfBall(radius: 0.2))
    let goal = Untargeted(labels: samples.batch.labels)
    return {
      _ = attack.perturb(samples.batch.inputs, against: samples.classifier, goal: goal, key: benchmarkKey)
    }
  } catch { fail("\(error)") }
}

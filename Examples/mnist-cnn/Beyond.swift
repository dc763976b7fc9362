import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// How the changed images do against a perceptron that learned from the same images (requirement D0.33).
func carryOver(_ attacked: [Robustness], _ study: Study, _ report: inout ReportFolder) throws
  -> [TransferResult]
{
  report.report.addHeading("Transfer to a perceptron")
  let widths = [784, 512, 512, 10]
  let perceptron = try study.train("mlp-clipped", .clipped, epochs: study.plan.epochs) {
    MLP(widths: widths, key: $0)
  }
  try report.logToTensorBoard(perceptron.history, name: perceptron.name)
  let target = PlanClassifier(try perceptron.model.prepared(for: study.data.all.inputShape))
  let transfers = try attacked.map { try transfer($0.headline, of: study.data.all, to: target) }
  report.report.addParagraph(
    "784-512-512-10 with ReLU, trained as the clipped network was: test accuracy "
      + Table.Cell.proportion(successes: perceptron.test.correct, count: perceptron.test.count).text
      + ". The images that projected gradient made against each network are shown to it as they are. Fooled means "
      + "classified wrongly, so an image that was wrong before counts; among those that both networks first classified "
      + "correctly, only what the attack carries over does.")
  var table = Table(
    "Images changed to fool one network, shown to 784-512-512-10, radius \(study.plan.headlineRadius)/255",
    columns: [
      "Made against", "Fool that network", "Fool the perceptron", "Of those that fool the network",
      "And both first correct", "Ratio of the two rates",
    ])
  for (robustness, result) in zip(attacked, transfers) {
    table.append([
      .text(robustness.name), .proportion(result.sourceFooled), .proportion(result.targetFooled),
      .proportion(result.rate), .proportion(result.rateAmongCorrect), .number(result.ratio, decimals: 3),
    ])
  }
  try report.add(table, file: "transfer.csv")
  print(table.text)
  return transfers
}

/// What adversarial training came to.
struct Hardened {
  let run: Study.Run<Net>
  let robustness: Robustness
}

/// Trains on clean and attacked images together and compares with the standard network (requirements D0.34, D0.35).
func trainAdversarially(
  against standard: Robustness, _ study: Study, _ report: inout ReportFolder
) throws -> Hardened {
  report.report.addHeading("Adversarial training")
  let eps = Float(study.plan.headlineRadius) / 255
  let defense = AdversarialTraining(
    attack: ProjectedGradient(budget: LInfBall(radius: eps), stepSize: eps / 5, steps: 10), share: 0.25)
  let run = try study.train(
    "net-adversarial", .unclipped, epochs: study.plan.adversarialEpochs, defense: defense
  ) { Net(key: $0) }
  try report.logToTensorBoard(run.history, name: run.name)
  let robustness = try Robustness(run, study)
  report.report.addParagraph(
    "The same network from the same first weights as \(standard.name), without clipping, \(study.plan.adversarialEpochs) "
      + "epochs; the last quarter of every batch is replaced by what \(defense.attack) makes of it against the current "
      + "weights in evaluation mode. Accuracy on all \(run.test.count) clean test images: "
      + Table.Cell.proportion(successes: run.test.correct, count: run.test.count).text + ".")
  try report.addRadii(
    [standard, robustness], study, file: "adversarial_training",
    title: "Standard and adversarially trained network against the radius")
  report.report.addList([
    difference(robustness, standard, \.isCorrect, "without attack"),
    difference(robustness, standard, \.isRobust, "under attack"),
  ])
  try report.addConfusion(
    run.test.confusion, study, file: "output/confusion_matrix_robust",
    caption: "\(run.name) on the test images")
  try report.addConfusion(
    robustness.headline.confusion(classCount: 10), study, file: "output/confusion_matrix_robust_pgd",
    caption: "\(run.name) under projected gradient, radius \(study.plan.headlineRadius)/255")
  return Hardened(run: run, robustness: robustness)
}

/// Document 2's experiment on this network (requirement D2.19).
func repeatGradientSign(_ net: Net, _ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Ten 2s that become 6s")
  report.report.addParagraph(
    "Document 2 moves images of a 2 along the sign of one gradient until a linear model takes them for a 6: x' = x - eps "
      + "sign(grad_x J(x, 6)). The same here against the clipped network's run 0, with the first ten 2s of the test "
      + "images; scores are no straight lines, and the direction is that at the clean image throughout.")
  let twos = try study.data.test.firstImages(of: 2, count: 10)
  _ = try turn(twos, into: 6, model: net, name: "convolutional network", &report)
}

import Datasets
import Reporting
import TensorCore

private let networks = Architecture.allCases.map(\.title)

/// Problem A: classification and interpretability.
func addProblemA(_ results: SportsResults, _ report: inout ReportFolder) throws {
  let part = results.classify
  report.report.addHeading("Problem A: classification and interpretability")
  report.report.addHeading("Methodology", depth: 2)
  report.report.addParagraph(
    "Two networks learn ten classes of sport from images of 32 x 32 pixels: SimpleCNN, three convolutions and two linear layers, "
      + "and ResNetSmall, thirteen convolutions with residual connections. Training changes each image at random and chooses the epoch "
      + "by validation. The method's details and what the document leaves open are in Docs/Sports.md.")
  report.add(["Images of each class", "What happens to an image", "Sizes and costs"], of: part)
  try report.addFigures(["figures/problem_a/augmentation"], of: part)
  report.report.addHeading("Results", depth: 2)
  report.add(["Training", "On the test images"] + networks.map { "Classes, \($0)" }, of: part)
  try report.addFigures(["figures/problem_a/training_curves/", "figures/problem_a/confusion"], of: part)
  report.add(["Inference time", "Mean and deviation over"], of: part)
  report.report.addHeading("Discussion", depth: 2)
  report.add(
    [
      "Accuracy: document", "Measures of the maps", "Grad-CAM of both networks",
      "Maps of the two networks compared",
    ], of: part)
  try report.addFigures(
    ["figures/problem_a/simple_cnn", "figures/problem_a/resnet_small", "figures/problem_a/comparison"],
    of: part)
  report.report.addHeading("Summary", depth: 2)
  report.add(["Both networks", "Which network for what"], of: part)
  let accuracy = try part.table("Both networks")
  report.report.addList(
    try Architecture.allCases.map { one in
      "\(one.title) classifies \(rateText(accuracy.cell("Test accuracy", column: one.title))) of the test images rightly, trained in "
        + "\(Table.Cell.number(try part.value("\(one.rawValue)_train_seconds"), decimals: 0).text) s, best in epoch "
        + "\(Int(try part.value("\(one.rawValue)_best_epoch")))."
    } + [
      "The more accurate one by McNemar's exact test on the same images: "
        + "\(rateText(accuracy.cell("Test accuracy", column: "Winner")))."
    ])
}

/// Problem B: adversarial attacks.
func addProblemB(_ results: SportsResults, _ report: inout ReportFolder) throws {
  let part = results.attack
  report.report.addHeading("Problem B: adversarial attacks")
  report.report.addHeading("Methodology", depth: 2)
  report.report.addParagraph(
    "Both networks are attacked in pixel space, where eps has one meaning for all channels; the normalisation is part of the network. "
      + "Every result is checked in double precision to lie within its radius and in [0, 1]. Success is counted over all images, as the "
      + "document does, and over those first classified correctly; targeted attacks set images of the target's class aside."
  )
  report.add(["Settings of the attacks"], of: part)
  report.report.addHeading("Results", depth: 2)
  for goal in ["untargeted", "targeted"] {
    report.add(networks.map { "FGSM and PGD, \(goal), \($0)" }, of: part)
  }
  report.add(networks.map { "Further attacks, \($0)" } + ["AutoAttack, attack by attack"], of: part)
  try report.addFigures(["figures/problem_b/"], of: part)
  report.add(
    [
      "\(networks[0]) -> \(networks[1])", "\(networks[1]) -> \(networks[0])",
      "The mean of both networks' logits under attack", "Attack through a copy",
    ],
    of: part)
  report.report.addHeading("Discussion", depth: 2)
  report.add(
    [
      "Pairs", "Transfer by property", "Success against eps", "Steps to success", "Shift of attention",
      "Checks beside each number", "Attacks in the document and here",
    ], of: part)
  report.report.addHeading("Summary", depth: 2)
  report.add(["Headline"], of: part)
  let headline = try part.table("Headline")
  func rate(_ name: String) -> String { rateText(headline.cell(name, column: "Rate")) }
  report.report.addList(
    Architecture.allCases.map { one in
      "\(one.title): FGSM at eps 0.03 changes the answer to \(rate("\(one.rawValue)_fgsm_003_success")) of the images or they were "
        + "wrong before, PGD \(rate("\(one.rawValue)_pgd_success")); AutoAttack leaves "
        + "\(rate("\(one.rawValue)_autoattack_robust_accuracy")) at eps 0.03 and "
        + "\(rate("\(one.rawValue)_autoattack_robust_accuracy_1_255")) at 1/255. Of its FGSM images that fool it, "
        + "\(rate("\(one.rawValue)_transfer_fgsm_003")) fool the other network too."
    })
}

/// Problem C: pruning.
func addProblemC(_ results: SportsResults, _ report: inout ReportFolder) throws {
  let part = results.prune
  report.report.addHeading("Problem C: pruning")
  report.report.addHeading("Methodology", depth: 2)
  report.report.addParagraph(
    "Weights of convolution and linear layers with the smallest magnitudes in the whole network become zero and stay zero "
      + "during fine-tuning. Accuracy, size, time and robustness of what is left are measured beside other ways to make a network "
      + "smaller. Times are medians, all forms in turn.")
  report.add(networks.map { "Counts and bytes, \($0)" }, of: part)
  report.report.addHeading("Results", depth: 2)
  for title in ["Accuracy", "Forms of", "Where sparse begins to pay", "Attacks on pruned networks"] {
    report.add(networks.map { title == "Forms of" ? "\(title) \($0)" : "\(title), \($0)" }, of: part)
  }
  try report.addFigures(["figures/problem_c/"], of: part)
  report.report.addHeading("Discussion", depth: 2)
  for title in [
    "Sparsity of each layer under global pruning", "One layer pruned alone",
    "Transfer from the original to pruned networks",
  ] {
    report.add(networks.map { "\(title), \($0)" }, of: part)
  }
  report.add(
    networks.map { "Allocations at \(PrunePlan.compared) %, \($0)" } + [
      "Lottery ticket", "What an attack needs", "Does pruning make attacks easier?",
      "Pruning and adversarial training", "Pruning in the document and here",
    ], of: part)
  report.report.addHeading("Deployments", depth: 2)
  report.add(
    [
      "Mobile", "Detector", "Cloud", "Square under a limit", "Validation of inputs", "High security",
      "Certificates by randomized smoothing",
    ], of: part)
  report.report.addHeading("Summary", depth: 2)
  report.add(networks.map { "Every sparsity, \($0)" }, of: part)
  for one in Architecture.allCases {
    report.report.addPreformatted(String(decoding: try part.data("best_\(one.rawValue).txt"), as: UTF8.self))
  }
}

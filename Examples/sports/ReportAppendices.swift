import Datasets
import Foundation
import Reporting
import TensorCore

/// The works that the document builds on (requirements D4.113, D4.156).
func addReferences(_ report: inout ReportFolder) {
  report.report.addHeading("References")
  report.report.addList([
    "I. J. Goodfellow, J. Shlens, C. Szegedy, \"Explaining and Harnessing Adversarial Examples\", ICLR 2015.",
    "A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, \"Towards Deep Learning Models Resistant to Adversarial Attacks\", ICLR 2018.",
    "C. Szegedy, W. Zaremba, I. Sutskever, J. Bruna, D. Erhan, I. Goodfellow, R. Fergus, \"Intriguing Properties of Neural Networks\", ICLR 2014.",
    "N. Carlini, D. Wagner, \"Towards Evaluating the Robustness of Neural Networks\", IEEE Symposium on Security and Privacy 2017.",
    "K. He, X. Zhang, S. Ren, J. Sun, \"Deep Residual Learning for Image Recognition\", CVPR 2016.",
    "K. Simonyan, A. Vedaldi, A. Zisserman, \"Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps\", ICLR Workshop 2014.",
    "R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, \"Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization\", ICCV 2017.",
    "S. Han, J. Pool, J. Tran, W. J. Dally, \"Learning both Weights and Connections for Efficient Neural Networks\", NeurIPS 2015.",
    "J. Frankle, M. Carbin, \"The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks\", ICLR 2019.",
    "N. Papernot, P. McDaniel, I. Goodfellow, \"Transferability in Machine Learning: from Phenomena to Black-Box Attacks using Adversarial Samples\", 2016.",
    "Beside these: F. Croce, M. Hein, \"Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks\", ICML 2020.",
    "J. Cohen, E. Rosenfeld, J. Z. Kolter, \"Certified Adversarial Robustness via Randomized Smoothing\", ICML 2019.",
    "A. Athalye, N. Carlini, D. Wagner, \"Obfuscated Gradients Give a False Sense of Security\", ICML 2018.",
    "W. Xu, D. Evans, Y. Qi, \"Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks\", NDSS 2018.",
  ])
}

/// Samples, logs, layout and commands (requirements D4.114 to D4.119).
func addAppendices(_ results: SportsResults, _ report: inout ReportFolder) throws {
  report.report.addHeading("Appendices")
  report.report.addHeading("Attacked samples", depth: 2)
  report.report.addParagraph(
    "The first 20 test images of each network under FGSM at eps 0.03, with what saliency and Grad-CAM show of the clean and of the "
      + "changed image: the class explained, the share of the map in its strongest tenth, and where its centre lies."
  )
  for one in Architecture.allCases {
    report.report.addPreformatted(try samples(of: one, results.attack))
  }
  report.report.addHeading("Pruning logs", depth: 2)
  for one in Architecture.allCases {
    for file in results.prune.files.filter({ $0.hasPrefix("logs/\(one.rawValue)_") }).sorted() {
      report.report.addPreformatted(String(decoding: try results.prune.data(file), as: UTF8.self))
    }
  }
  report.report.addHeading("Reproducibility", depth: 2)
  report.add(["The eight points"], of: results.attack)
  report.report.addHeading("Layout and commands", depth: 2)
  try report.add(layout, file: "layout.csv")
}

/// One block a sample: what the attack did, then four lines of what maps show.
private func samples(of network: Architecture, _ part: ResultsFolder) throws -> String {
  func file(_ name: String) throws -> CSVFile {
    try CSVFile(
      parsing: String(decoding: try part.data(name), as: UTF8.self),
      name: part.url.appendingPathComponent(name).path)
  }
  let (records, lines) = (
    try file("samples_\(network.rawValue).csv"), try file("attention_samples.csv")
  )
  let folder = "fgsm_untargeted_eps_0.03"
  func number(_ text: String?, _ decimals: Int) -> String {
    text.flatMap(Double.init).map { Table.Cell.number($0, decimals: decimals).text } ?? "-"
  }
  var text = "\(network.title)\n"
  for row in records.rows.filter({ records.field("Attack", of: $0) == folder }).prefix(20) {
    func field(_ column: String) -> String { records.field(column, of: row) ?? "-" }
    let sample = field("Sample")
    text +=
      "\nSample #\(sample) (index \(field("Index"))), \(field("True class")): "
      + "\(field("Predicted before")) \(number(field("Confidence before"), 3)) -> \(field("Predicted after")) "
      + "\(number(field("Confidence after"), 3)), L2 \(number(field("L2"), 3)), L-inf \(number(field("L-inf"), 4)), success "
      + "\(field("Success"))\n"
    for line in lines.rows
    where lines.field("Network", of: line) == network.title && lines.field("Attack", of: line) == folder
      && lines.field("Sample", of: line) == sample
    {
      func value(_ column: String) -> String? { lines.field(column, of: line) }
      text +=
        "  \(value("Method") ?? "-"), \(value("Map of") ?? "-"): \(value("Class") ?? "-"), strongest tenth "
        + "\(number(value("Share of the strongest tenth"), 3)), centre \(number(value("Centre, row"), 1)) / "
        + "\(number(value("Centre, column"), 1)), correlation with the clean map "
        + "\(number(value("Rank correlation with the clean map"), 3))\n"
    }
  }
  return text
}

private let layout: Table = {
  var table = Table("Where things are", columns: ["What", "Where"])
  for (what, place) in [
    ("networks", "module NNLayers, Models: SimpleCNN, ResNetSmall"),
    ("data set, transforms, loaders", "module Datasets: Sports10"),
    ("training", "module NNLayers: TrainingLoop"), ("attacks and their judge", "module Attacks"),
    ("defences and certificates", "module Defenses"), ("pruning and deployed forms", "module Compression"),
    ("saliency and Grad-CAM", "module Interpretability"), ("weights", "checkpoints/sports/"),
    (
      "pictures and metadata of the document's paths",
      "results/sports-classify/results/problem_a/, results/sports-attack/results/problem_b/, results/sports-prune/figures/problem_c/"
    ),
    ("in place of notebooks", "report.html and report.md beside each metrics.json"),
    ("problem A: train, judge, explain", "sports classify --profile full --device cpu"),
    ("problem B: attack both networks", "sports attack --profile full --device cpu"),
    ("problem C: prune both networks", "sports prune --profile full --device cpu"),
    ("this report", "sports report --profile full"),
  ] { table.append([.text(what), .text(place)]) }
  return table
}()

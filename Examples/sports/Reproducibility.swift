import Datasets
import Foundation
import ProgramSupport
import Reporting
import TensorCore

/// The document's eight points (requirement D4.79).
func addReproducibility(
  _ attacked: [AttackedNetwork], _ samples: AttackedSamples, _ study: Study, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Reproducibility")
  let environment = report.metrics.environment
  let checkpoints = try attacked.map { one in
    let url = study.options.weightsFile(Study.fileName(one.architecture, .original))
    return "\(url.lastPathComponent): SHA-256 \(try SHA256.hexadecimal(ofFile: url))"
  }
  let points = [
    (
      "Seeds",
      "\(study.options.seed), the only source of randomness; a sample draws from its own key, whatever else runs"
    ),
    ("Checkpoints", checkpoints.joined(separator: "; ")),
    ("Hyper-parameters", "the table of settings above, and each sample's metadata"),
    (
      "Preprocessing",
      "\(Sports10.preparation), divided by 255; normalisation by ImageNet's mean and deviation inside the network"
    ),
    ("Open code", "this repository, revision \(environment.revision ?? "unknown")"),
    (
      "JSON metadata", "results/problem_b/<model>/<attack>/<attack>_<sample>_metadata.json, and metrics.json"
    ),
    ("Sample indices", samples.places.map(String.init).joined(separator: ", ")),
    (
      "Environment",
      "Swift \(environment.swiftVersion), \(environment.machine), \(environment.instructionSet), OpenBLAS "
        + "\(environment.openBLASCore ?? "unknown"), \(environment.threads) threads"
    ),
  ]
  var table = Table("The eight points", columns: ["Point", "Here"])
  for (name, text) in points { table.append([.text(name), .text(text)]) }
  try report.addPrinted(table, file: "reproducibility.csv")
}

import Foundation
import NNLayers
import TensorCore

extension ProgramOptions {
  /// Fills a model with the weights that another part of the program saved, and checks that it does on the test images
  /// what its file says: metadata `data` and `test_accuracy`.
  ///
  /// - Parameters:
  ///   - name: as `weightsFile` takes it.
  ///   - digest: the digest of the data that the network must have learned from.
  ///   - subcommand: the part that saves the file.
  ///   - settings: the program's options that decide which file or which network that is, to be repeated in the remedy.
  /// - Returns: how it does on the test images, and the file's metadata.
  /// - Throws: `InputError.missing` naming the file and the command that makes it; `.mismatch` for another network, one
  ///   that was trained on other images, and one that does not reach its recorded accuracy.
  public func loadWeights(
    _ name: String, into model: inout some Layer, data digest: String, test: some BatchSource,
    madeBy subcommand: String, with settings: [String]
  ) throws -> (test: Evaluation, facts: [String: String]) {
    let url = weightsFile(name)
    var words = ["\(program) \(subcommand)", "--profile \(profile.rawValue)"]
    for option in ["--out", "--data"] + settings {
      words += value(of: option).map { [$0.isEmpty ? option : "\(option) \($0)"] } ?? []
    }
    let command = words.joined(separator: " ")
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw InputError(
        .missing, url.path, expected: "the network that the subcommand \(subcommand) saves",
        found: "no such file", remedy: "Run `\(command)` first.")
    }
    let facts = try model.loadWeights(from: url)
    func mismatch(_ expected: String, _ found: String) -> InputError {
      InputError(
        .mismatch, url.path, expected: expected, found: found, remedy: "Run `\(command)` with this data.")
    }
    guard facts["data"] == digest else {
      throw mismatch("a network trained on these images", "one trained on others")
    }
    let evaluation = try model.evaluate(on: test)
    // another instruction set may turn single images over
    let allowed = max(0.005, 1.5 / Double(max(1, evaluation.count)))
    guard let recorded = facts["test_accuracy"].flatMap(Double.init),
      abs(recorded - evaluation.accuracy) <= allowed
    else {
      throw mismatch(
        "its recorded accuracy \(facts["test_accuracy"] ?? "in the metadata")",
        "\(evaluation.accuracy) on the test images")
    }
    return (evaluation, facts)
  }
}

import Foundation
import ImageCodecs
import Reporting
import TensorCore
import Testing

/// `sports attack` on small folders in the layout of the photographs.
@Suite struct SportsAttackTests {
  private static let networks = ["simple_cnn", "resnet_small"]
  private static let headline: Set<String> = Set(
    networks.flatMap { network in
      [
        "fgsm_003_success", "pgd_success", "pgd_targeted_success", "autoattack_robust_accuracy",
        "autoattack_robust_accuracy_1_255", "transfer_fgsm_003",
      ].map { "\(network)_\($0)" }
    } + ["n_attacked"])

  // Never a fresh network in place of a missing one, never one that is not what its file says: each is one line that
  // names the file and what makes it, and nothing is written.
  @Test func networksMustBeWhatTheySay() async throws {
    try await withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try SportsProgramTests.writeImages(to: data)
      let out = folder.appendingPathComponent("out")
      let weights = out.appendingPathComponent("checkpoints/sports/simple_cnn-original.safetensors")
      func refuses(_ words: [String]) throws {
        let run = try ProgramRun("sports attack", ["--data", data.path, "--out", out.path])
        #expect(run.status == 1 && run.errorLines.count == 1 && run.output.isEmpty, "\(run.errors)")
        for word in words + [weights.path, "`sports classify "] {
          #expect(run.errors.contains(word), "\(word): \(run.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: out.appendingPathComponent("attack").path))
      }
      try refuses(["no such file"])
      let training = try ProgramRun(
        "sports classify",
        ["--data", data.path, "--out", out.path, "--epochs", "1", "--explained", "1"])
      #expect(training.status == 0, "\(training.errors)")
      // a file that claims more than its network does
      var file = try SafeTensors(contentsOf: weights)
      file.metadata["test_accuracy"] = "0.999"
      try file.write(to: weights)
      try refuses(["0.999"])
    }
  }

  // A whole run, again with another number of threads: the same numbers, each a fraction of counted images, and the
  // document's files.
  @Test func wholeRunRepeats() async throws {
    try await withFolder { folder in
      let (data, out) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("out"))
      try SportsProgramTests.writeImages(to: data)
      let training = try ProgramRun(
        "sports classify",
        ["--data", data.path, "--out", out.path, "--epochs", "1", "--explained", "1"])
      #expect(training.status == 0, "\(training.errors)")
      func run(threads: Int) throws -> [String: Double] {
        let run = try ProgramRun(
          "sports attack",
          [
            "--data", data.path, "--out", out.path, "--epochs", "1", "--samples", "4",
            "--training-samples", "3", "--threads", "\(threads)",
          ])
        #expect(run.status == 0, "\(run.errors)")
        return try ProgramTests.headline(in: out.appendingPathComponent("attack"))
      }
      let first = try run(threads: 2)
      #expect(Set(first.keys) == Self.headline && first["n_attacked"] == 4)
      try Self.check(out.appendingPathComponent("attack"), first)
      #expect(try run(threads: 1) == first)
    }
  }

  private static func check(_ folder: URL, _ headline: [String: Double]) throws {
    for (name, value) in headline where name != "n_attacked" && !name.contains("transfer") {
      // one image of each of the first four classes, one of them basketball, the target
      let count = name.contains("targeted") ? 3.0 : 4.0
      #expect((value * count).rounded() == value * count && (0...1).contains(value), "\(name) \(value)")
    }
    for network in networks {
      for goal in ["untargeted", "targeted"] {
        for eps in [0.01, 0.03, 0.05, 0.1] {
          try checkFiles(folder, network, "fgsm", "fgsm_\(goal)_eps_\(eps)", eps: eps)
        }
        try checkFiles(folder, network, "pgd", "pgd_\(goal)", eps: 0.03)
        // header and one row for each of four eps and PGD
        #expect(try lines(folder, "\(goal)_\(network).csv").count == 1 + 5)
      }
      #expect(try lines(folder, "samples_\(network).csv").count == 1 + (10 + 9) * 4 + 2 * 2)
    }
    for file in [
      "transfer_simple_cnn_to_resnet_small.csv", "transfer_resnet_small_to_simple_cnn.csv", "checks.csv",
      "attention_shift.csv", "surrogate.csv", "ensemble.csv", "eps.csv", "steps.csv", "comparisons.csv",
      "autoattack.csv",
    ] { #expect(try lines(folder, file).count > 1, "\(file)") }
    #expect(try lines(folder, "reproducibility.csv").count == 1 + 8)
    let page = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("TRAINING images"))
  }

  /// Pictures and numbers of one attack: what the metadata says of a change is what the pictures show, within half a level
  /// of 8 bits, and no change is longer than its radius allows.
  private static func checkFiles(
    _ folder: URL, _ network: String, _ method: String, _ attack: String, eps: Double
  )
    throws
  {
    let place = folder.appendingPathComponent("results/problem_b/\(network)/\(attack)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).count == 3 * 4)
    for sample in 0..<4 {
      func file(_ ending: String) -> URL { place.appendingPathComponent("\(method)_00\(sample)_\(ending)") }
      let facts = try JSONValue(
        parsing: Data(contentsOf: file("metadata.json")), name: "metadata.json")
      let pictures = try ["original.png", "adversarial.png"].map { try Image(contentsOf: file($0)).tensor() }
      let change = zip(pictures[0].scalars, pictures[1].scalars).map { Double($1) - Double($0) }
      #expect(change.count == 3 * 32 * 32)
      let (l2, lInf) = (facts["l2_norm"]?.double ?? .nan, facts["linf_norm"]?.double ?? .nan)
      #expect(lInf <= Double(Float(eps)) && l2 <= Double(Float(eps)) * 3_072.0.squareRoot(), "\(attack)")
      let largest = change.map(abs).max() ?? .nan
      #expect(abs(largest - lInf) < 0.5 / 255 + 1e-6, "\(attack): \(largest), \(lInf)")
      #expect(abs((facts["after_png"]?["linf_norm"]?.double ?? .nan) - largest) < 1e-6)
      #expect(facts["parameters"]?["eps"]?.double == eps && facts["seed"] == .integer(42))
      // the class of sample k is k while each class is taken in turn; basketball is 1
      let isTargeted = attack.contains("_targeted")
      #expect(facts["true_label"] == .integer(sample))
      #expect(facts["counts"] == .bool(!(isTargeted && sample == 1)))
      let predicted = facts["adversarial"]?["label"]
      #expect(
        facts["success"] == .bool(isTargeted ? predicted == .integer(1) : predicted != .integer(sample)))
    }
  }

  private static func lines(_ folder: URL, _ file: String) throws -> [Substring] {
    try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      .split(whereSeparator: \.isNewline)
  }
}

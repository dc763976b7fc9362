import Defenses
import Foundation
import ImageCodecs
import NNLayers
import Reporting
import TensorCore
import Testing

/// Document 1's program: subcommands that leave files for each other, and a certification that can be interrupted.
@Suite struct SmoothingProgramTests {
  private static let subcommands = ["train", "adversarial-train", "smooth-train"]
  /// The names of `compare`'s headline.
  static let headline: [String] = {
    var names = ["certify_images", "certify_samples", "certify_seconds", "largest_radius"]
    for network in ["standard", "adversarial", "smoothed"] {
      for number in [
        "clean_accuracy", "l2_accuracy", "linf_accuracy", "certified_correct", "abstained", "mean_radius_all",
        "mean_radius_certified",
      ] { names.append("\(network)_\(number)") }
    }
    return names
  }()

  // Options that do not go together are found before anything is made, and the answer names them.
  @Test func wrongCommandLines() async throws {
    try await withFolder { folder in
      let out = folder.appendingPathComponent("out").path
      let mistakes: [(program: String, arguments: [String], named: [String])] = [
        ("smoothing", ["fly"], ["fly", "adversarial-train"]), ("smoothing train", ["train"], ["train"]),
        ("smoothing train", ["--images", "3"], ["train", "--images"]),
        ("smoothing train", ["--method", "trades"], ["train", "--method"]),
        ("smoothing compare", ["--images", "0"], ["--images", "0"]),
        ("smoothing compare", ["--method", "magic"], ["magic", "trades"]),
        ("smoothing adversarial-train", ["--method", "macer"], ["macer", "smooth-train"]),
      ]
      for (program, arguments, named) in mistakes {
        let run = try ProgramRun(program, arguments + ["--data", "synthetic", "--out", out])
        #expect(run.status == 2 && run.errorLines.count == 1, "\(arguments): \(run.errors)")
        for name in named { #expect(run.errors.contains(name), "\(arguments): \(run.errors)") }
        #expect(run.output.isEmpty && !FileManager.default.fileExists(atPath: out))
      }
    }
  }

  // A subcommand's help has its own options and no others; the program's has all of them.
  @Test func helpOfSubcommands() throws {
    let all = try ProgramRun("smoothing", ["--help"]).output
    for word in Self.subcommands + ["compare", "--wide", "--sweep", "--images", "--method"] {
      #expect(all.contains(word), "\(word)")
    }
    let train = try ProgramRun("smoothing train", ["--help"]).output
    #expect(train.contains("Usage: smoothing train") && train.contains("--sweep"))
    #expect(!train.contains("--images") && !train.contains("--method"))
    #expect(try ProgramRun("smoothing compare", ["--help"]).output.contains("--images"))
  }

  // One after the other, as document 1 has them: the comparison names the first file that is not there and what makes
  // it, writes nothing, and takes no other data set's network for this one's.
  @Test func comparisonNeedsTheThreeNetworks() async throws {
    try await withFolder { folder in
      try ProgramTests.writeDigits(to: folder.appendingPathComponent("data"))
      let out = folder.appendingPathComponent("out")
      let arguments = ["--data", folder.appendingPathComponent("data").path, "--out", out.path]
      for (place, variant) in ["standard", "adversarial", "smoothed"].enumerated() {
        let run = try ProgramRun("smoothing compare", arguments)
        #expect(run.status == 1 && run.errorLines.count == 1, "\(run.errors)")
        #expect(
          run.errors.contains(
            out.appendingPathComponent("checkpoints/smoothing/convnn-\(variant).safetensors").path))
        #expect(run.errors.contains("`smoothing \(Self.subcommands[place]) "), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: out.appendingPathComponent("metrics.json").path))
        let training = try ProgramRun(
          "smoothing \(Self.subcommands[place])", arguments + ["--epochs", "1", "--threads", "1"])
        #expect(
          training.status == 0 && training.output.contains("1 threads on the CPU ("), "\(training.errors)")
        let metrics = try Self.metrics(out.appendingPathComponent(Self.subcommands[place]))
        #expect(metrics["program"]?.text == "smoothing-\(Self.subcommands[place])")
      }
      let wide = try ProgramRun("smoothing compare", arguments + ["--wide"])
      #expect(
        wide.status == 1 && wide.errors.contains("convnn-wide-standard") && wide.errors.contains("--wide"))
      let other = try ProgramRun("smoothing compare", ["--data", "synthetic", "--out", out.path])
      #expect(other.status == 1 && other.errors.contains("trained on others"), "\(other.errors)")
    }
  }

  // Killed while it certifies, the comparison goes on with what the file has and comes to the same numbers.
  @Test func killedCertificationGoesOn() async throws {
    try await withFolder { folder in
      try ProgramTests.writeDigits(to: folder.appendingPathComponent("data"))
      let out = folder.appendingPathComponent("out")
      let checkpoints = out.appendingPathComponent("checkpoints")
      let arguments = ["--data", folder.appendingPathComponent("data").path, "--out", out.path]
      for subcommand in Self.subcommands {
        #expect(try ProgramRun("smoothing \(subcommand)", arguments + ["--epochs", "1"]).status == 0)
      }
      func compare(killedWhen condition: (() -> Bool)? = nil) throws -> ProgramRun {
        try ProgramRun("smoothing compare", arguments + ["--images", "40"], killedWhen: condition)
      }
      func files() -> [URL] {
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: checkpoints.path)) ?? []
        return paths.filter { $0.hasSuffix(".certification.json") }.map {
          checkpoints.appendingPathComponent($0)
        }
      }
      #expect(try compare { !files().isEmpty }.status == -SIGKILL)
      let begun = files()
      #expect(begun.count == 1)
      let interrupted = try compare()
      #expect(
        interrupted.status == 0 && interrupted.errors.contains("after 32 from the file"),
        "\(interrupted.errors)")
      let resumed = try ProgramTests.headline(in: out)
      for file in files() { try FileManager.default.removeItem(at: file) }
      #expect(try compare().status == 0)
      for (name, value) in try ProgramTests.headline(in: out) where !name.hasSuffix("_seconds") {
        #expect(resumed[name] == value, "\(name)")
      }
    }
  }

  // The further options together, as small as they can be: files of their own, beside which the headline stays the
  // document's three.
  @Test func wideNetworkSweepAndMethod() async throws {
    try await withFolder { folder in
      try ProgramTests.writeDigits(to: folder.appendingPathComponent("data"))
      let out = folder.appendingPathComponent("out")
      func run(_ program: String, _ options: [String]) throws {
        let run = try ProgramRun(
          program,
          ["--data", folder.appendingPathComponent("data").path, "--out", out.path, "--epochs", "1"] + options
        )
        #expect(run.status == 0, "\(run.errors)")
      }
      try run("smoothing train", ["--wide"])
      var wide = WideConvNN(key: RandomKey(seed: 1))
      let file = out.appendingPathComponent("checkpoints/smoothing/convnn-wide-standard.safetensors")
      let facts = try wide.loadWeights(from: file)
      #expect(facts["architecture"] == "WideConvNN")
      try run("smoothing", ["--sweep", "--images", "1", "--method", "macer"])
      for file in ["sweep_l2_standard.csv", "sweep_l-inf_standard.csv"] {
        #expect(
          FileManager.default.fileExists(atPath: out.appendingPathComponent("train/\(file)").path), "\(file)")
      }
      let rows = try Self.lines(out.appendingPathComponent("sweep.csv"))
      #expect(rows.count == 1 + 3 * 3)
      for name in ["smoothed-0.25", "smoothed-0.5"] {
        #expect(rows.contains { $0.contains(name) }, "\(name)")
      }
      // D1.29: alpha 0.001 and n 10,000 reach 3.199 sigma, a curve in quarters of sigma ends at 3.25
      #expect(try Self.lines(out.appendingPathComponent("sweep_sigma_0.5.csv")).count == 1 + 14)
      #expect(
        try Self.lines(out.appendingPathComponent("comparison.csv")).last?.hasPrefix("smoothed-macer") == true
      )
      #expect(Set(try ProgramTests.headline(in: out).keys) == ProgramTests.headlines["smoothing"])
    }
  }

  /// What a whole run leaves behind, besides what every program does.
  static func check(_ out: URL) throws {
    let headline = try ProgramTests.headline(in: out)
    // Clopper-Pearson and the normal quantile by SciPy 1.17: PhiInv(0.05^(1/1000))
    #expect(abs((headline["largest_radius"] ?? 0) - 2.7487) < 5e-5)
    #expect(headline["certify_images"] == 20 && headline["certify_samples"] == 1000)
    for (place, variant) in ["standard", "adversarial", "smoothed"].enumerated() {
      let folder = out.appendingPathComponent(subcommands[place])
      let own = try ProgramTests.headline(in: folder)
      for name in ["clean_accuracy", "l2_accuracy", "linf_accuracy"] {
        #expect(own[name] != nil && own[name] == headline["\(variant)_\(name)"], "\(variant) \(name)")
      }
      // 600 images in batches of 128, one epoch
      #expect(try lines(folder.appendingPathComponent("steps_\(variant).csv")).count == 1 + 5)
      for figure in ["examples.png", "figures/training_\(variant).png"] {
        let image = try Image(contentsOf: folder.appendingPathComponent(figure))
        #expect(image.width > 300 && Set(image.pixels).count > 2, "\(figure)")
      }
      var net = ConvNN(key: RandomKey(seed: 1))
      let facts = try net.loadWeights(
        from: out.appendingPathComponent("checkpoints/smoothing/convnn-\(variant).safetensors"))
      #expect(facts["variant"] == variant && facts["seed"] == "42" && facts["method"]?.isEmpty == false)
      #expect(facts["test_accuracy"].flatMap(Double.init) == own["clean_accuracy"])
      let certificates = try lines(
        out.appendingPathComponent("certificates/certified_accuracy_\(variant).csv"))
      #expect(certificates.count == 1 + 20)
      let certified = certificates.dropFirst().count {
        $0.split(separator: ",", omittingEmptySubsequences: false)[4] == "1"
      }
      #expect(Double(certified) == headline["\(variant)_certified_correct"])
    }
    for name in ["adversarial", "adversarial-and-clean"] {
      #expect(try lines(out.appendingPathComponent("adversarial-train/watch_\(name).csv")).count == 1 + 1)
    }
    // radii from 0 to 2.75 in quarters, and in hundredths; certified accuracy can only fall
    let curve = try lines(out.appendingPathComponent("certified_accuracy.csv"))
    #expect(curve.count == 1 + 12)
    #expect(try lines(out.appendingPathComponent("certified_accuracy_fine.csv")).count == 1 + 276)
    for file in ["accuracy.csv", "comparison.csv", "soundness.csv", "figures/certified_accuracy.png"] {
      #expect(FileManager.default.fileExists(atPath: out.appendingPathComponent(file).path), "\(file)")
    }
  }

  private static func lines(_ file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline).map(String.init)
  }

  private static func metrics(_ folder: URL) throws -> JSONValue {
    try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("metrics.json")), name: "metrics.json")
  }
}

import Datasets
import Foundation
import ImageCodecs
import NNLayers
import Reporting
import TensorCore
import Testing

/// The example programs from outside, as a user or a script sees them.
@Suite struct ProgramTests {
  /// Those that learn digits.
  static let programs = ["linear-adversary", "mnist-cnn", "mnist-mlp", "smoothing"]
  /// All ways to call them: a program with subcommands has several.
  static let digitCommands =
    programs + ["train", "adversarial-train", "smooth-train", "compare"].map { "smoothing \($0)" }
  static let commands =
    digitCommands + ["sports", "sports classify", "sports attack", "sports prune", "sports report"]

  @Test(arguments: commands) func helpNamesEveryOption(_ program: String) throws {
    let run = try ProgramRun(program, ["--help"])
    #expect(run.status == 0 && run.errors.isEmpty)
    for option in ["data", "out", "seed", "threads", "profile", "epochs", "device", "help"] {
      #expect(run.output.contains("--\(option)"), "\(option)")
    }
    #expect(run.output.contains("Usage: \(program)"))
  }

  /// Wrong command lines, and what the answer must name.
  static let mistakes: [(arguments: [String], named: String)] = [
    (["--frobnicate"], "--frobnicate"), (["--frobnicate", "1"], "--frobnicate"), (["digits"], "digits"),
    (["--seed"], "--seed"), (["--out", ""], "--out"), (["--seed", "many"], "many"), (["--seed", "-1"], "-1"),
    (["--epochs", "0"], "--epochs"), (["--epochs", "1.5"], "1.5"), (["--threads", "0"], "--threads"),
    (["--profile", "medium"], "medium"), (["--device", "gpu"], "gpu"),
  ]

  // Nothing may be made before the command line is known to be right.
  @Test(arguments: commands, mistakes.indices) func wrongCommandLines(_ program: String, _ index: Int)
    async throws
  {
    let mistake = Self.mistakes[index]
    try await withFolder { folder in
      let out = folder.appendingPathComponent("out")
      let run = try ProgramRun(program, ["--out", out.path] + mistake.arguments)
      #expect(run.status == 2)
      #expect(run.errorLines.count == 1 && run.errors.contains(mistake.named), "\(run.errors)")
      #expect(run.output.isEmpty && !FileManager.default.fileExists(atPath: out.path))
    }
  }

  @Test(arguments: digitCommands) func unusableData(_ program: String) async throws {
    try await withFolder { folder in
      func refuses(_ what: String, named: String, _ prepare: (URL) throws -> Void) throws {
        let data = folder.appendingPathComponent(what)
        try prepare(data)
        let out = folder.appendingPathComponent("out of \(what)")
        let run = try ProgramRun(program, ["--data", data.path, "--out", out.path])
        #expect(run.status == 1, "\(what)")
        #expect(run.errorLines.count == 1 && run.errors.contains(named), "\(what): \(run.errors)")
        let left = try? FileManager.default.subpathsOfDirectory(atPath: out.path)
        #expect(left ?? [] == [], "\(what)")
      }
      try refuses("missing", named: folder.appendingPathComponent("missing").path) { _ in }
      try refuses("empty", named: "train-images-idx3-ubyte") {
        try FileManager.default.createDirectory(at: $0, withIntermediateDirectories: true)
      }
      try refuses("short images", named: "train-images-idx3-ubyte") { data in
        try Self.writeDigits(to: data)
        try Self.damage(data.appendingPathComponent("train-images-idx3-ubyte")) { $0.prefix($0.count / 2) }
      }
      try refuses("short labels", named: "t10k-labels-idx1-ubyte") { data in
        try Self.writeDigits(to: data)
        try Self.damage(data.appendingPathComponent("t10k-labels-idx1-ubyte")) { $0.prefix(11) }
      }
      try refuses("no IDX", named: "train-labels-idx1-ubyte") { data in
        try Self.writeDigits(to: data)
        try Self.damage(data.appendingPathComponent("train-labels-idx1-ubyte")) { _ in Data("<html>".utf8) }
      }
    }
  }

  // Below a regular file nobody can write, not even root. It must be found before the training, not after it.
  @Test(arguments: commands) func unwritableFolder(_ program: String) async throws {
    try await withFolder { folder in
      let data = folder.appendingPathComponent("data")
      if Self.digitCommands.contains(program) {
        try Self.writeDigits(to: data)
      } else {
        try SportsProgramTests.writeImages(to: data)
      }
      let file = folder.appendingPathComponent("file")
      try Data("mine".utf8).write(to: file)
      let out = file.appendingPathComponent("out")
      let run = try ProgramRun(program, ["--data", data.path, "--out", out.path])
      #expect(run.status == 1 && run.errorLines.count == 1 && run.errors.contains(out.path), "\(run.errors)")
      #expect(try Data(contentsOf: file) == Data("mine".utf8))
      #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["data", "file"])
    }
  }

  static let headlines: [String: Set<String>] = [
    "linear-adversary": [
      "cost_epoch_1", "cost_final", "test_accuracy", "images_fooled", "images_attacked",
      "largest_epsilon_error", "train_seconds",
    ],
    "mnist-cnn": [
      "test_accuracy_clipped", "test_accuracy_unclipped", "pgd_robust_accuracy",
      "adversarial_training_clean_accuracy", "adversarial_training_pgd_accuracy", "transfer_rate",
      "train_seconds",
    ],
    "mnist-mlp": [
      "best_mlp_test_accuracy", "best_mlp_seeds", "l2_best_lambda", "l2_best_test_loss",
      "l2_best_test_accuracy", "train_seconds",
    ],
    "smoothing": Set(SmoothingProgramTests.headline),
  ]

  // A whole run on digits in MNIST's files, then again on the same folder with another number of threads: the second
  // one reads its networks from the checkpoints and comes to the same numbers.
  @Test(arguments: programs) func wholeRunsRepeat(_ program: String) async throws {
    try await withFolder { folder in
      try Self.writeDigits(to: folder.appendingPathComponent("data"))
      func run(threads: Int) throws -> [String: Double] {
        let run = try ProgramRun(
          program,
          [
            "--data", folder.appendingPathComponent("data").path, "--out",
            folder.appendingPathComponent("out").path,
            "--epochs", "1", "--profile", "quick", "--threads", "\(threads)",
          ] + (program == "smoothing" ? ["--images", "20"] : []))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains(folder.appendingPathComponent("out/report.html").path))
        return try Self.headline(in: folder.appendingPathComponent("out"))
      }
      let first = try run(threads: 2)
      #expect(Set(first.keys) == Self.headlines[program])
      let page = try String(contentsOf: folder.appendingPathComponent("out/report.html"), encoding: .utf8)
      #expect(page.contains("data:image/png;base64,") && !page.contains("The data are synthetic"))
      let saved = try Self.digests(in: folder.appendingPathComponent("out/checkpoints"))
      #expect(saved.contains { $0.key.hasSuffix(".training.safetensors") })
      if program == "smoothing" { try SmoothingProgramTests.check(folder.appendingPathComponent("out")) }
      if program == "mnist-cnn" { try Self.checkConvolutionalNetwork(folder.appendingPathComponent("out")) }

      let second = try run(threads: 1)
      for (name, value) in first where !name.hasSuffix("_seconds") {
        #expect(second[name] == value, "\(name)")
      }
      #expect(try Self.digests(in: folder.appendingPathComponent("out/checkpoints")) == saved)
    }
  }

  /// Document 0 names the folder `output` and prints a report, which the program keeps to compare with.
  private static func checkConvolutionalNetwork(_ out: URL) throws {
    let names = (0..<10).map(String.init)
    func numbers(_ file: String) throws -> [[Double?]] {
      try String(contentsOf: out.appendingPathComponent(file), encoding: .utf8)
        .split(whereSeparator: \.isNewline).dropFirst()
        .map { $0.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) } }
    }
    for matrix in ["", "_pgd", "_robust", "_robust_pgd"] {
      let figure = try Image(contentsOf: out.appendingPathComponent("output/confusion_matrix\(matrix).png"))
      #expect(figure.width > 300 && Set(figure.pixels).count > 2)
      // a fifth of the 800 images, 16 of each digit
      let counts = try numbers("output/confusion_matrix\(matrix).csv").map { $0[1...10].compactMap(\.self) }
      #expect(counts.count == 10 && counts.allSatisfy { $0.reduce(0, +) == 16 }, "\(matrix)")
    }
    let text = try String(
      contentsOf: out.appendingPathComponent("output/classification_report.txt"), encoding: .utf8)
    let report = try ClassificationReport(text: text, names: names)
    #expect(report.classes.allSatisfy { $0.support == 16 } && report.macroAverage.support == 160)
    // D0.28: the document's recalls times its supports are 12,722 of 14,000 images
    let rows = try numbers("classification_report.csv").prefix(10)
    let supports = rows.compactMap { $0[7] }
    #expect(supports == [1381, 1575, 1398, 1428, 1365, 1263, 1375, 1459, 1365, 1391])
    #expect(zip(rows, supports).reduce(0) { $0 + ($1.0[3] ?? .nan) * $1.1 }.rounded() == 12_722)
    // the weights load into the network, and their file says what they were worth
    var net = Net(key: RandomKey(seed: 1))
    let facts = try net.loadWeights(
      from: out.appendingPathComponent("checkpoints/mnist-cnn/net-clipped.safetensors"))
    #expect(try facts["test_accuracy"].flatMap(Double.init) == headline(in: out)["test_accuracy_clipped"])
    #expect(facts["architecture"] == "Net" && facts["seed"] == "42" && facts["variant"] == "clipped")
  }

  // What was trained before a kill -9 is read, the rest is trained, and the numbers are those of a run in one piece.
  @Test func killedProgramsGoOn() async throws {
    try await withFolder { folder in
      try Self.writeDigits(to: folder.appendingPathComponent("data"))
      func run(_ out: URL, killedWhen condition: (() -> Bool)? = nil) throws -> ProgramRun {
        try ProgramRun(
          "mnist-mlp",
          ["--data", folder.appendingPathComponent("data").path, "--out", out.path, "--epochs", "1"],
          killedWhen: condition)
      }
      let (whole, broken) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("broken"))
      #expect(try run(whole).status == 0)
      let killed = try run(broken) {
        (try? Self.digests(in: broken.appendingPathComponent("checkpoints")))?.count ?? 0 > 2
      }
      #expect(killed.status == -SIGKILL)
      #expect(!FileManager.default.fileExists(atPath: broken.appendingPathComponent("metrics.json").path))
      let begun = try Self.digests(in: broken.appendingPathComponent("checkpoints"))
      #expect(try run(broken).status == 0)
      let (expected, headline) = (try Self.headline(in: whole), try Self.headline(in: broken))
      for (name, value) in expected where !name.hasSuffix("_seconds") {
        #expect(headline[name] == value, "\(name)")
      }
      let after = try Self.digests(in: broken.appendingPathComponent("checkpoints"))
      #expect(begun.count > 2 && begun.allSatisfy { after[$0.key] == $0.value })
    }
  }

  // Drawn digits must never pass for MNIST: metrics and page say so. Both programs load their images in one place.
  @Test func syntheticRunsSaySo() async throws {
    try await withFolder { folder in
      let run = try ProgramRun(
        "linear-adversary",
        ["--data", "synthetic", "--epochs", "1", "--profile", "quick", "--out", folder.path])
      #expect(run.status == 0, "\(run.errors)")
      let metrics = try JSONValue(
        parsing: Data(contentsOf: folder.appendingPathComponent("metrics.json")), name: "metrics.json")
      #expect(metrics["synthetic"] == .bool(true) && metrics["profile"]?.text == "quick")
      #expect(metrics["headline"]?["images_attacked"] == .integer(10))
      let page = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
      #expect(page.contains("The data are synthetic"))
    }
  }

  /// 600 training and 200 test digits under MNIST's names.
  static func writeDigits(to folder: URL) throws {
    let key = RandomKey(seed: 62)
    let collection = ImageCollection(
      name: "digits", folderName: "mnist", classNames: (0...9).map(String.init), trainCount: 600)
    try collection.write(
      train: SyntheticDigits.bytes(count: 600, key: key.derived("train")),
      test: SyntheticDigits.bytes(count: 200, key: key.derived("test")), to: folder)
  }

  private static func damage(_ file: URL, _ change: (Data) -> Data) throws {
    try change(Data(contentsOf: file)).write(to: file)
  }

  static func headline(in folder: URL) throws -> [String: Double] {
    let metrics = try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("metrics.json")), name: "metrics.json")
    guard case .object(let values) = metrics["headline"] else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: values.members.compactMap { name, value in value.double.map { (name, $0) } })
  }

  static func digests(in folder: URL) throws -> [String: String] {
    var digests: [String: String] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    where path.hasSuffix("safetensors") {
      digests[path] = SHA256.hexadecimal(of: try Data(contentsOf: folder.appendingPathComponent(path)))
    }
    return digests
  }
}

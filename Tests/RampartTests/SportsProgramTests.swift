import Datasets
import Foundation
import ImageCodecs
import NNLayers
import Reporting
import TensorCore
import Testing

/// Document 4's program on small folders in the layout of the photographs.
@Suite struct SportsProgramTests {
  // Each way in which a folder can be unusable, found before anything is written: the answer is one line that names the
  // file or folder.
  @Test func unusableFolders() async throws {
    try await withFolder { folder in
      let whole = try Image(width: 40, height: 30, repeating: [10, 200, 90]).jpegData()
      let faults: [(what: String, named: String, (URL) throws -> Void)] = [
        (
          "truncated JPEG", "train/golf/zz.jpg",
          { try Self.write(whole.prefix(whole.count / 2), "train/golf/zz.jpg", $0) }
        ),
        (
          "text named .jpg", "valid/rugby/zz.jpg",
          { try Self.write(Data("notes".utf8), "valid/rugby/zz.jpg", $0) }
        ),
        (
          "empty class", "train/hockey",
          {
            for file in try Self.files("train/hockey", $0) { try FileManager.default.removeItem(at: file) }
          }
        ),
        (
          "class in one split", "valid/tennis",
          { try FileManager.default.removeItem(at: $0.appendingPathComponent("valid/tennis")) }
        ),
        (
          "enormous PNG header", "train/baseball/zz.png",
          { try Self.write(Self.enormousHeader, "train/baseball/zz.png", $0) }
        ),
        (
          "another class", "train/chess", { try Self.write(whole, "train/chess/1.jpg", $0) }
        ),
        ("no folder", "train", { try FileManager.default.removeItem(at: $0) }),
      ]
      for (what, named, damage) in faults {
        let data = folder.appendingPathComponent("\(what)/data")
        try Self.writeImages(to: data)
        try damage(data)
        let out = folder.appendingPathComponent("\(what)/out")
        let run = try ProgramRun("sports", ["--data", data.path, "--out", out.path])
        #expect(run.status == 1 && run.errorLines.count == 1, "\(what): \(run.errors)")
        #expect(run.errors.contains(data.appendingPathComponent(named).path), "\(what): \(run.errors)")
        #expect(run.output.isEmpty && !FileManager.default.fileExists(atPath: out.path), "\(what)")
      }
    }
  }

  // The variable is asked when --data says nothing, and a folder that it names must be there; without either, pictures are
  // drawn and the run says so. The place for results is a file, so that nothing is computed.
  @Test func whereImagesAreFound() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("file")
      try Data().write(to: file)
      let out = ["--out", file.appendingPathComponent("out").path]
      let data = folder.appendingPathComponent("data")
      try Self.writeImages(to: data)
      func run(_ variable: String) throws -> ProgramRun {
        try ProgramRun("sports", out, environment: ["RAMPART_SPORTS10": variable])
      }
      let found = try run(data.path)
      #expect(
        found.status == 1 && found.output.contains("sports-classify") && !found.output.contains("synthetic"))
      let missing = try run(folder.appendingPathComponent("none").path)
      #expect(missing.status == 1 && missing.output.isEmpty)
      #expect(missing.errors.contains(folder.appendingPathComponent("none").path), "\(missing.errors)")
      let drawn = try run("")
      #expect(drawn.status == 1 && drawn.output.contains("synthetic data"), "\(drawn.output)")
      #expect(
        try ProgramRun("sports", ["--help"]).output.contains(
          "$RAMPART_SPORTS10, else Data/sports10, else synthetic"))
    }
  }

  static let headline: Set<String> = {
    var names: Set = ["synthetic", "train_images", "duplicates_dropped"]
    for network in ["simple_cnn", "resnet_small"] {
      for number in [
        "parameters", "size_mib", "valid_accuracy", "best_epoch", "stopped_epoch", "train_seconds",
        "latency_ms_batch_1",
      ] { names.insert("\(network)_\(number)") }
    }
    return names
  }()

  // A whole run, then again with another number of threads: the second reads the networks from their checkpoints.
  @Test func wholeRunRepeats() async throws {
    try await withFolder { folder in
      let (data, out) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("out"))
      try Self.writeImages(to: data)
      func run(threads: Int) throws -> [String: Double] {
        let run = try ProgramRun(
          "sports classify",
          [
            "--data", data.path, "--out", out.path, "--epochs", "1", "--explained", "3", "--threads",
            "\(threads)",
          ])
        #expect(run.status == 0, "\(run.errors)")
        return try ProgramTests.headline(in: out.appendingPathComponent("classify"))
      }
      let first = try run(threads: 2)
      #expect(Set(first.keys) == Self.headline)
      try Self.check(out, first)
      let saved = try ProgramTests.digests(in: out.appendingPathComponent("checkpoints"))
      let second = try run(threads: 1)
      for (name, value) in first where !name.hasSuffix("_seconds") && !name.contains("latency") {
        #expect(second[name] == value, "\(name)")
      }
      #expect(try ProgramTests.digests(in: out.appendingPathComponent("checkpoints")) == saved)
    }
  }

  /// What a whole run leaves behind.
  private static func check(_ out: URL, _ headline: [String: Double]) throws {
    // 12 images a class and one that validation has too
    #expect(
      headline["train_images"] == 120 && headline["duplicates_dropped"] == 1 && headline["synthetic"] == 0)
    #expect(headline["simple_cnn_parameters"] == 620_810 && headline["resnet_small_parameters"] == 2_777_674)
    #expect(abs((headline["simple_cnn_size_mib"] ?? 0) - 2.3699) < 5e-5)
    #expect(abs((headline["resnet_small_size_mib"] ?? 0) - 10.6132) < 5e-5)
    let folder = out.appendingPathComponent("classify")
    let page = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("volleyball/again.png (= volleyball/0.png)") && !page.contains("(synthetic data)"))
    for file in ["class_distribution.csv", "evaluation.csv", "comparison.csv", "deployment.csv", "maps.csv"] {
      #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path), "\(file)")
    }
    // the document's paths (D4.34, D4.47)
    var pictures = ["training_curves/comparison_accuracy", "comparison", "methods"].map {
      "figures/problem_a/\($0).png"
    }
    for network in ["simple_cnn", "resnet_small"] {
      pictures += ["loss", "accuracy"].map { "figures/problem_a/training_curves/\(network)_\($0).png" }
      for method in ["saliency", "gradcam"] {
        pictures += (0..<3).map {
          "results/problem_a/interpretability/\(network)/\(method)/\(method)_sample_00\($0).png"
        }
      }
      let events = try FileManager.default.contentsOfDirectory(
        atPath: folder.appendingPathComponent("tensorboard/\(network)").path)
      #expect(events.count == 1 && events[0].hasPrefix("events.out.tfevents"))
    }
    for picture in pictures {
      let image = try Image(contentsOf: folder.appendingPathComponent(picture))
      #expect(image.width > 300 && Set(image.pixels).count > 2, "\(picture)")
    }
    for variant in ["best", "last", "original"] {
      var model = Normalized(
        SimpleCNN(key: RandomKey(seed: 1)), mean: Sports10.channelMeans,
        standardDeviation: Sports10.channelDeviations)
      let facts = try model.loadWeights(
        from: out.appendingPathComponent("checkpoints/sports/simple_cnn-\(variant).safetensors"))
      #expect(facts["architecture"] == "SimpleCNN" && facts["variant"] == variant && facts["seed"] == "42")
      #expect(facts["validation_accuracy"].flatMap(Double.init) == headline["simple_cnn_valid_accuracy"])
      // judged from outside, on the same images
      let validation = try Sports10(folder: out.deletingLastPathComponent().appendingPathComponent("data"))
        .validation
      #expect(try model.evaluate(on: validation).accuracy == headline["simple_cnn_valid_accuracy"])
    }
  }

  // Two seeds and test images of their own: tables of both, and nothing of the document's way of testing.
  @Test func seedsAndSeparateTest() async throws {
    try await withFolder { folder in
      let (data, out) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("out"))
      try Self.writeImages(to: data)
      let run = try ProgramRun(
        "sports",
        [
          "--data", data.path, "--out", out.path, "--epochs", "1", "--explained", "1", "--seeds", "2",
          "--separate-test",
        ])
      #expect(run.status == 0, "\(run.errors)")
      let classify = out.appendingPathComponent("classify")
      let seeds = try String(contentsOf: classify.appendingPathComponent("seeds.csv"), encoding: .utf8)
      #expect(seeds.split(whereSeparator: \.isNewline).count == 1 + 4 && seeds.contains(",43,"))
      let metrics = try JSONValue(
        parsing: Data(contentsOf: classify.appendingPathComponent("metrics.json")), name: "metrics.json")
      #expect(metrics["seeds"] == .array([.integer(42), .integer(43)]))
      // a tenth of 120, at least one of each class
      #expect(metrics["headline"]?["train_images"] == .integer(108))
      let distribution = try String(
        contentsOf: classify.appendingPathComponent("class_distribution.csv"), encoding: .utf8)
      #expect(distribution.contains(",total,108,20,12,140"))
      let mistake = try ProgramRun(
        "sports", ["--seeds", "0", "--out", out.appendingPathComponent("other").path])
      #expect(mistake.status == 2 && mistake.errors.contains("--seeds"))
    }
  }

  /// Drawn pictures as PNG and JPEG files, twelve a class to train and two to validate; one of these in both.
  static func writeImages(to folder: URL) throws {
    for (label, name) in Sports10.classNames.enumerated() {
      let images = SyntheticScenes.images(
        labels: [Int](repeating: label, count: 14), classNames: Sports10.classNames, side: 20,
        key: RandomKey(seed: 63).derived(label))
      for place in 0..<14 {
        let isTraining = place >= 2
        let file = "\(isTraining ? "train" : "valid")/\(name)/\(isTraining ? place - 2 : place)"
        if place % 3 == 2 {
          try write(images.image(at: place).jpegData(), file + ".jpg", folder)
        } else {
          try write(images.image(at: place).pngData(), file + ".png", folder)
        }
      }
    }
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("valid/volleyball/0.png"),
      to: folder.appendingPathComponent("train/volleyball/again.png"))
  }

  private static func write(_ data: Data, _ path: String, _ folder: URL) throws {
    try AtomicFile.write(data, to: folder.appendingPathComponent(path))
  }

  private static func files(_ path: String, _ folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: folder.appendingPathComponent(path), includingPropertiesForKeys: nil)
  }

  /// A PNG's first bytes with 20,000 × 20,000 pixels and a right checksum.
  private static let enormousHeader = Data([
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0x4e, 0x20, 0,
    0, 0x4e,
    0x20, 8, 2, 0, 0, 0, 0x6c, 0x12, 0xd1, 0x6e, 0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54,
  ])
}

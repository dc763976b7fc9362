import Compression
import Datasets
import Foundation
import NNLayers
import Reporting
import TensorCore
import Testing

/// `sports prune` on small folders in the layout of the photographs.
@Suite struct SportsPruneTests {
  private static let networks = ["simple_cnn", "resnet_small"]
  private static let percents = [20, 50, 80]
  private static let headline: Set<String> = Set(
    networks.flatMap { network in
      ["nonzero", "accuracy_before", "accuracy_after", "file_mib", "latency_ms_batch_1"].flatMap { name in
        percents.map { "\(network)_\(name)_\($0)" }
      }
        + [
          "latency_dense_ms_batch_1", "int8_latency_ms_batch_1", "int8_accuracy", "break_even_sparsity",
        ].map { "\(network)_\($0)" }
    })

  // Never a fresh network in place of a missing one; a wrong option is found before anything else.
  @Test func whatCannotBegin() async throws {
    try await withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try SportsProgramTests.writeImages(to: data)
      let out = folder.appendingPathComponent("out")
      let run = try ProgramRun("sports prune", ["--data", data.path, "--out", out.path])
      let weights = out.appendingPathComponent("checkpoints/sports/simple_cnn-original.safetensors")
      #expect(run.status == 1 && run.errorLines.count == 1 && run.output.isEmpty, "\(run.errors)")
      #expect(run.errors.contains(weights.path) && run.errors.contains("`sports classify "), "\(run.errors)")
      for wrong in ["0", "20,x", "100", "20,,50"] {
        let run = try ProgramRun("sports prune", ["--out", out.path, "--sparsities", wrong])
        #expect(run.status == 2 && run.errors.contains("--sparsities") && run.errors.contains(wrong))
      }
      #expect(!FileManager.default.fileExists(atPath: out.path))
    }
  }

  // A whole run, then again with another number of threads: it reads the fine-tuned networks from their checkpoints, and
  // all but the times is the same.
  @Test func wholeRunRepeats() async throws {
    try await withFolder { folder in
      let (data, out) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("out"))
      try SportsProgramTests.writeImages(to: data)
      let training = try ProgramRun(
        "sports classify", ["--data", data.path, "--out", out.path, "--epochs", "1", "--explained", "1"])
      #expect(training.status == 0, "\(training.errors)")
      func run(threads: Int) throws -> [String: Double] {
        let run = try ProgramRun(
          "sports prune",
          [
            "--data", data.path, "--out", out.path, "--epochs", "1", "--samples", "2",
            "--fine-tuning-samples", "20", "--threads", "\(threads)",
          ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("Plot 1. Accuracy against sparsity"))
        return try ProgramTests.headline(in: out.appendingPathComponent("prune"))
      }
      let first = try run(threads: 2)
      #expect(Set(first.keys.filter { !$0.hasPrefix("deployment_") }) == Self.headline)
      try Self.check(out, first)
      let checkpoints = out.appendingPathComponent("checkpoints")
      let saved = try ProgramTests.digests(in: checkpoints)
      let second = try run(threads: 1)
      for (name, value) in first where !name.contains("latency") && !name.contains("break_even") {
        #expect(second[name] == value, "\(name)")
      }
      #expect(try ProgramTests.digests(in: checkpoints) == saved)
      try Self.checkReport(data, out)
    }
  }

  /// What joins the parts: first without problem B, then with all three.
  private static func checkReport(_ data: URL, _ out: URL) throws {
    let early = try ProgramRun("sports report", ["--out", out.path])
    #expect(early.status == 1 && early.errorLines.count == 1 && early.output.isEmpty)
    #expect(early.errors.contains("sports attack --profile quick --out \(out.path)"), "\(early.errors)")
    let attack = try ProgramRun(
      "sports attack",
      ["--data", data.path, "--out", out.path, "--epochs", "1", "--samples", "2", "--training-samples", "2"])
    #expect(attack.status == 0, "\(attack.errors)")
    let run = try ProgramRun("sports report", ["--out", out.path])
    #expect(run.status == 0, "\(run.errors)")
    let headline = try ProgramTests.headline(in: out)
    #expect((headline["figures"] ?? 0) >= 15 && (headline["tables"] ?? 0) >= 25, "\(headline)")
    let text = try String(contentsOf: out.appendingPathComponent("report.md"), encoding: .utf8)
    for heading in [
      "1 Problem A: ", "1.1 Methodology", "1.4 Summary", "2 Problem B: ", "3 Problem C: ", "3.4 Deployments",
      "4 Conclusions", "5 References", "6 Appendices", "6.2 Pruning logs",
    ] { #expect(text.contains("# \(heading)"), "\(heading)") }
    // numbers come from the parts: the pruned networks' logs stand there whole, and every sample with four lines of maps
    let log = try String(
      contentsOf: out.appendingPathComponent("prune/logs/simple_cnn_50.txt"), encoding: .utf8)
    #expect(text.contains(log))
    let samples = text.components(separatedBy: "\nSample #").dropFirst()
    #expect(samples.count == 4)
    for sample in samples { #expect(sample.components(separatedBy: "strongest tenth").count == 5) }
  }

  /// Exact counts (document 4's), the files, logs and pictures.
  private static func check(_ out: URL, _ headline: [String: Double]) throws {
    let counts = [
      "simple_cnn": [496_836, 310_874, 124_912], "resnet_small": [2_223_037, 1_391_082, 559_127],
    ]
    let folder = out.appendingPathComponent("prune")
    for network in networks {
      for (percent, count) in zip(percents, counts[network] ?? []) {
        #expect(headline["\(network)_nonzero_\(percent)"] == Double(count), "\(network) \(percent)")
        let log = try String(
          contentsOf: folder.appendingPathComponent("logs/\(network)_\(percent).txt"), encoding: .utf8)
        let lines = log.split(whereSeparator: \.isNewline)
        #expect(lines.count == 3)
        #expect(lines[1].contains(/^Epoch 1\/1: Train Loss: \d+\.\d{4}, Train Acc: \d+\.\d{2}%$/), "\(lines)")
        #expect(lines[2].contains(/^Final Test Accuracy: \d+\.\d{2}%$/), "\(lines)")
      }
      for value in ["accuracy_before", "accuracy_after"].flatMap({ name in percents.map { "\(name)_\($0)" } })
        + ["int8_accuracy"]
      {
        // 20 validation images judge
        let hits = (headline["\(network)_\(value)"] ?? .nan) * 20
        #expect(hits == hits.rounded() && (0...20).contains(hits), "\(network) \(value)")
      }
      let kept = try String(
        contentsOf: folder.appendingPathComponent("counts_\(network).csv"), encoding: .utf8)
      #expect(kept.split(whereSeparator: \.isNewline).count { $0.contains(",yes,") } == percents.count)
    }
    // the files are smaller for real; headers included
    #expect((headline["simple_cnn_file_mib_80"] ?? 1) <= 0.6)
    #expect((headline["resnet_small_file_mib_80"] ?? 3) <= 2.6)
    for file in [
      "accuracy", "layers", "allocations", "sensitivity", "forms", "times", "break_even", "robustness",
      "transfer", "autoattack", "pruning",
    ].flatMap({ name in networks.map { "\(name)_\($0).csv" } })
      + ["thresholds.csv", "ease.csv", "robust_pruning.csv", "lottery_ticket.csv", "pruning_document.csv"]
      + ["accuracy", "latency", "parameters"].flatMap({
        ["figures/problem_c/\($0).png", "figures/problem_c/\($0).txt"]
      })
    {
      #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path), "\(file)")
    }
    // judged from outside: the weights file has the zeros, without any mask, and the accuracy that it claims
    var model = Normalized(
      SimpleCNN(key: RandomKey(seed: 1)), mean: Sports10.channelMeans,
      standardDeviation: Sports10.channelDeviations)
    let facts = try model.loadWeights(
      from: out.appendingPathComponent("checkpoints/sports/simple_cnn-pruned-80.safetensors"))
    #expect(SparsityReport(of: model).nonzeroParameterCount == 124_912 && facts["variant"] == "pruned-80")
    let validation = try Sports10(folder: out.deletingLastPathComponent().appendingPathComponent("data"))
      .validation
    #expect(try model.evaluate(on: validation).accuracy == headline["simple_cnn_accuracy_after_80"])
  }
}

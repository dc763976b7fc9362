import Foundation
import NNLayers
import Synchronization
import TensorCore
import Testing

@testable import Defenses

@Suite struct DataSetCertificationTests {
  private static let key = RandomKey(seed: 87)
  private static let settings = CertificationSettings(selectionDraws: 20, estimationDraws: 100)

  private static func smoothed(sigma: Float = 0.5) throws -> SmoothedClassifier {
    SmoothedClassifier(
      try MLP(widths: [4, 6, 3], key: key).prepared(for: [4]),
      noise: try SmoothingNoise(standardDeviation: sigma))
  }

  private static let points = Points(
    inputs: .uniform(shape: [23, 4], key: key.derived("points")), labels: (0..<23).map { $0 % 3 },
    classCount: 3)

  /// A file in a folder that is removed afterwards.
  private func withFile(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "certification-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appendingPathComponent("run.certification.json"))
  }

  // Each sample as a batch of its own gives it, in the order asked for.
  @Test(arguments: [1, 5, 100]) func recordsDoNotDependOnTheBatchSize(batchSize: Int) throws {
    let smoothed = try Self.smoothed()
    let samples = [4, 22, 0, 7, 7, 13]
    let result = try smoothed.certify(
      Self.points, samples: samples, settings: Self.settings, key: Self.key, batchSize: batchSize)
    #expect(result.records.map(\.index) == samples)
    for record in result.records {
      let alone = try smoothed.certify(
        Self.points.batch(at: [record.index]), settings: Self.settings, key: Self.key)
      #expect(record.certificate == alone[0] && record.label == record.index % 3)
    }
    #expect(result.seconds > 0 && result.settings == Self.settings && result.noise == smoothed.noise)
    #expect(try smoothed.certify(Self.points, settings: Self.settings, key: Self.key).records.count == 23)
  }

  private struct Crash: Error {}

  /// The points, counting how often each was asked for.
  private final class Watched: BatchSource {
    let asked = Mutex([Int](repeating: 0, count: 23))
    var count: Int { DataSetCertificationTests.points.count }
    var inputShape: Shape { DataSetCertificationTests.points.inputShape }
    var classCount: Int { 3 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      asked.withLock { asked in for index in indices { asked[index] += 1 } }
      return try DataSetCertificationTests.points.batch(at: indices)
    }
  }

  // Stopped twice, once right after a save: what was finished is never certified again, and the records are those of a run
  // in one piece. Sequential certificates keep bounds that the counts alone do not give.
  @Test(arguments: [nil, SequentialStopping(.atShare(0.8))])
  func aStoppedRunGoesOn(stopping: SequentialStopping?) throws {
    let smoothed = try Self.smoothed()
    var settings = Self.settings
    settings.stopping = stopping
    settings.estimationDraws = 400
    let whole = try smoothed.certify(Self.points, settings: settings, key: Self.key)
    try withFile { url in
      let source = Watched()
      let file = CertificationFile(url: url, identity: "weights 1, points")
      func run(stopAfter limit: Int) throws -> (CertificationResult, [CertificationProgress]) {
        var seen: [CertificationProgress] = []
        let result = try smoothed.certify(
          source, settings: settings, key: Self.key, batchSize: 4, file: file
        ) {
          seen.append($0)
          if $0.completed >= limit { throw Crash() }
        }
        return (result, seen)
      }
      #expect(throws: Crash.self) { try run(stopAfter: 8) }
      #expect(throws: Crash.self) { try run(stopAfter: 16) }
      let (result, seen) = try run(stopAfter: 100)
      #expect(result.records == whole.records)
      #expect(source.asked.withLock { $0 } == [Int](repeating: 1, count: 23))
      #expect(seen.map(\.completed) == [16, 20, 23])
      #expect(seen.allSatisfy { $0.resumed == 16 && $0.total == 23 })
      #expect(seen[0].secondsLeft == nil && seen[2].secondsLeft == 0)
      // finished: nothing is left to do, and the time is the file's
      let again = try run(stopAfter: 100)
      #expect(again.0.records == whole.records && again.1.map(\.completed) == [23])
      #expect(source.asked.withLock { $0 } == [Int](repeating: 1, count: 23))
      #expect(again.0.seconds > 0 && again.0.seconds <= result.seconds)
    }
  }

  // 3 done of 9 in 6 seconds, one of them from the file: 2 each 3 seconds, 6 left.
  @Test func timeLeft() {
    let progress = CertificationProgress(completed: 3, total: 9, resumed: 1, seconds: 6)
    #expect(progress.secondsLeft == 18)
  }

  @Test func filesOfOtherRunsAreRefused() throws {
    let smoothed = try Self.smoothed()
    try withFile { url in
      func run(
        _ other: SmoothedClassifier? = nil, identity: String = "a", samples: [Int] = [1, 2, 3],
        settings: CertificationSettings = Self.settings, key: RandomKey = Self.key
      ) throws {
        _ = try (other ?? smoothed).certify(
          Self.points, samples: samples, settings: settings, key: key,
          file: CertificationFile(url: url, identity: identity))
      }
      try run()
      let bytes = try Data(contentsOf: url)
      var strict = Self.settings
      strict.failureProbability = 0.01
      for (what, other) in [
        ("model and data", { try run(identity: "b") }), ("samples", { try run(samples: [1, 2, 4]) }),
        ("samples", { try run(samples: [1, 2, 3, 4]) }), ("settings", { try run(settings: strict) }),
        ("key", { try run(key: RandomKey(seed: 5)) }), ("noise", { try run(try Self.smoothed(sigma: 0.25)) }),
      ] {
        let error = try #require(throws: InputError.self) { try other() }
        #expect(
          error.kind == .mismatch && error.subject.contains(what)
            && error.subject.contains("run.certification.json"))
        #expect(try Data(contentsOf: url) == bytes)
      }
      try run()
    }
  }

  @Test func damagedFilesAreRefused() throws {
    let smoothed = try Self.smoothed()
    try withFile { url in
      func run() throws {
        _ = try smoothed.certify(
          Self.points, samples: [1, 2, 3], settings: Self.settings, key: Self.key,
          file: CertificationFile(url: url, identity: "a"))
      }
      try run()
      let text = try String(contentsOf: url, encoding: .utf8)
      func expectRefusal(_ changed: String) throws {
        try Data(changed.utf8).write(to: url)
        let error = try #require(throws: InputError.self) { try run() }
        #expect(error.kind == .damaged)
      }
      try expectRefusal(String(text.dropLast(20)))
      try expectRefusal("")
      // another sample, a class that is none, more hits than draws, a bound that is none
      try expectRefusal(text.replacingOccurrences(of: "[[1,", with: "[[4,"))
      try expectRefusal(text.replacingOccurrences(of: "[[1,1,", with: "[[1,1,9"))
      try expectRefusal(text.replacingOccurrences(of: ",100],", with: ",10],"))
      try expectRefusal(text.replacingOccurrences(of: "\"lowerBounds\":[0.", with: "\"lowerBounds\":[1."))
      try expectRefusal(text.replacingOccurrences(of: "\"lowerBounds\":[", with: "\"lowerBounds\":[0.5,"))
      try Data(text.utf8).write(to: url)
      try run()
    }
  }

  // A mean over classes that do not exist would come out without a word.
  @Test func labelsThatAreNoClassAreRefused() throws {
    let source = Points(inputs: .zeros(shape: [2, 4]), labels: [0, 3], classCount: 4)
    let error = try #require(throws: InputError.self) {
      _ = try Self.smoothed().certify(source, settings: Self.settings, key: Self.key)
    }
    #expect(error.kind == .outOfRange && "\(error)".contains("sample 1"))
  }

  // Before any sample is fetched.
  @Test func impossibleSettingsAreRefusedFirst() throws {
    let source = Watched()
    var settings = Self.settings
    settings.estimationDraws = 4
    #expect(throws: InputError.self) {
      _ = try Self.smoothed().certify(source, settings: settings, key: Self.key)
    }
    #expect(source.asked.withLock { $0.max() } == 0)
  }
}

import Foundation
import TensorCore

/// The file of an unfinished certification run, from which it goes on after a stop or a crash with the same result.
///
/// It is written as a whole after every few samples, whole or not at all, so that what is finished stays. It belongs to one
/// run: settings, noise, key and samples are compared, and `identity` names what they do not show, the base classifier and
/// the data.
public struct CertificationFile: Sendable {
  /// The file, by custom `<model>.certification.json`.
  public let url: URL
  /// What decides the result besides the settings, for example the SHA-256 of the base's weights and of the data.
  public let identity: String

  /// A file of one run.
  public init(url: URL, identity: String) {
    self.url = url
    self.identity = identity
  }

  /// What a run is, in words, so that a refusal can name what differs.
  struct Run: Codable, Hashable {
    let identity: String
    let settings: String
    let noise: String
    let key: UInt64
    let samples: Int
    let samplesDigest: String

    init(
      _ file: CertificationFile, _ smoothed: SmoothedClassifier, settings: CertificationSettings,
      key: RandomKey,
      samples: [Int]
    ) {
      identity = file.identity
      self.settings = "\(settings)"
      noise = "\(smoothed.noise), inputs in \(smoothed.inputRange)"
      self.key = key.bits
      self.samples = samples.count
      var hash = SHA256()
      hash.update(samples.map(String.init).joined(separator: " "))
      samplesDigest = hash.hexadecimal
    }

    /// The first thing in which another run differs: what, here, there.
    func difference(from other: Run) -> (what: String, here: String, there: String)? {
      let parts = [
        ("model and data", identity, other.identity), ("settings", settings, other.settings),
        ("noise", noise, other.noise), ("random key", "\(key)", "\(other.key)"),
        ("samples", "\(samples) (\(samplesDigest))", "\(other.samples) (\(other.samplesDigest))"),
      ]
      return parts.first { $0.1 != $0.2 }.map { ($0.0, $0.1, $0.2) }
    }
  }

  private struct Contents: Codable {
    let run: Run
    let seconds: Double
    /// index, label, candidate, hits, draws of each finished sample
    let counts: [[Int]]
    let lowerBounds: [Double]
  }

  func write(_ records: [CertificationRecord], seconds: Double, of run: Run) throws {
    let contents = Contents(
      run: run, seconds: seconds,
      counts: records.map {
        [$0.index, $0.label, $0.certificate.candidate, $0.certificate.hits, $0.certificate.draws]
      }, lowerBounds: records.map(\.certificate.lowerBound))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try AtomicFile.write(try encoder.encode(contents), to: url)
  }

  /// The finished samples; none when there is no file.
  ///
  /// - Throws: `InputError.mismatch` naming what differs when the file belongs to another run; `.damaged` when it is not
  ///   such a file or its records are not the first of this run's samples.
  func read(_ run: Run, samples: [Int], classCount: Int, sigma: Double) throws -> (
    records: [CertificationRecord], seconds: Double
  ) {
    guard FileManager.default.fileExists(atPath: url.path) else { return ([], 0) }
    guard let data = try? Data(contentsOf: url),
      let contents = try? JSONDecoder().decode(Contents.self, from: data)
    else {
      throw damaged("something else")
    }
    if let difference = run.difference(from: contents.run) {
      throw InputError(
        .mismatch, "\(url.lastPathComponent), \(difference.what)", expected: difference.here,
        found: difference.there,
        remedy: "The file holds another run: delete it, or name another file.")
    }
    let (counts, bounds) = (contents.counts, contents.lowerBounds)
    guard
      counts.count == bounds.count, counts.allSatisfy({ $0.count == 5 }),
      counts.map({ $0[0] }) == Array(samples.prefix(counts.count)),
      counts.allSatisfy({ 0..<classCount ~= $0[2] && 0...$0[4] ~= $0[3] }),
      bounds.allSatisfy({ $0 >= 0 && $0 < 1 })
    else { throw damaged("\(counts.count) records that do not fit") }
    let records = zip(counts, bounds).map { count, bound in
      CertificationRecord(
        index: count[0], label: count[1],
        certificate: Certificate(
          candidate: count[2], hits: count[3], draws: count[4], lowerBound: bound, sigma: sigma))
    }
    return (records, contents.seconds)
  }

  private func damaged(_ found: String) -> InputError {
    InputError(
      .damaged, url.lastPathComponent, expected: "an unfinished certification run", found: found,
      remedy: "Delete the file to start the run anew.")
  }
}

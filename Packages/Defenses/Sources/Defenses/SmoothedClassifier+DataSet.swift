import TensorCore

/// How far a certification run is.
public struct CertificationProgress: Sendable, Hashable {
  /// Samples that are done, those from the file included.
  public let completed: Int
  /// Samples of the whole run.
  public let total: Int
  /// Samples that were read from the file instead of certified.
  public let resumed: Int
  /// Seconds since this process began.
  public let seconds: Double

  /// The seconds that the rest will take at the rate of this process; nil before it has certified any.
  public var secondsLeft: Double? {
    completed > resumed ? seconds / Double(completed - resumed) * Double(total - completed) : nil
  }
}

extension SmoothedClassifier {
  /// Certifies samples of a data set, as `certify(_:settings:key:)` does.
  ///
  /// With a file the run goes on where an earlier one stopped, however that ended, and gives the same records as one that
  /// was never stopped. A finished run is read from the file and costs nothing.
  ///
  /// - Parameters:
  ///   - source: where the samples come from.
  ///   - samples: their indices in the order of the result; nil takes all.
  ///   - settings: n₀, n and α.
  ///   - key: the noise; a sample draws from `key.derived(index)`.
  ///   - batchSize: how many samples are certified, and then saved, at once; does not change the result.
  ///   - file: where finished samples are kept.
  ///   - progress: called first and after each batch; throwing ends the run.
  /// - Throws: what the source and `progress` throw, and what certifying a batch throws; `InputError.outOfRange` for a label
  ///   that is no class; `InputError.mismatch` when the file belongs to a run with other settings.
  public func certify(
    _ source: some BatchSource, samples: [Int]? = nil, settings: CertificationSettings, key: RandomKey,
    batchSize: Int = 32, file: CertificationFile? = nil,
    progress: ((CertificationProgress) throws -> Void)? = nil
  ) throws -> CertificationResult {
    precondition(batchSize > 0, "certify: batchSize \(batchSize) is not positive")
    try settings.check(noise)
    let samples = samples ?? Array(0..<source.count)
    let run = file.map { CertificationFile.Run($0, self, settings: settings, key: key, samples: samples) }
    let sigma = Double(noise.standardDeviation)
    let (finished, earlier) =
      try file?.read(run!, samples: samples, classCount: classCount, sigma: sigma) ?? ([], 0)
    var records = finished
    let resumed = records.count
    let clock = ContinuousClock()
    let begin = clock.now
    func seconds() -> Double { (clock.now - begin) / .seconds(1) }
    func report() throws {
      try progress?(
        CertificationProgress(
          completed: records.count, total: samples.count, resumed: resumed, seconds: seconds()))
    }
    try report()
    while records.count < samples.count {
      let batch = try source.batch(
        at: Array(samples[records.count..<min(samples.count, records.count + batchSize)]))
      try batch.checkLabels(classCount: classCount)
      let certificates = try certify(batch, settings: settings, key: key)
      for (row, certificate) in certificates.enumerated() {
        records.append(
          CertificationRecord(index: batch.indices[row], label: batch.labels[row], certificate: certificate))
      }
      try file?.write(records, seconds: earlier + seconds(), of: run!)
      try report()
    }
    return CertificationResult(
      settings: settings, noise: noise, records: records,
      seconds: resumed == samples.count ? earlier : earlier + seconds())
  }
}

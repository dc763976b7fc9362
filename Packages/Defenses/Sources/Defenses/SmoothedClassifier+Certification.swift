import TensorCore

extension SmoothedClassifier {
  /// A class and a radius for each sample, or an abstention: procedure CERTIFY.
  ///
  /// The most frequent class among n₀ copies is the candidate; n fresh copies bound its probability from below, by
  /// Clopper-Pearson with failure probability α; R = σ · Φ⁻¹(p) when p > ½. With `settings.stopping` the second part stops
  /// early with the same α.
  ///
  /// Source: Cohen, Rosenfeld, Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019. Difference:
  /// noise comes from the key, so that a run can be replayed.
  ///
  /// - Parameters:
  ///   - batch: samples; labels are not looked at.
  ///   - settings: n₀, n and α.
  ///   - key: the noise; a sample draws from `key.derived(index)`.
  /// - Throws: `InputError.outOfRange` for an input outside the range, naming sample and value, and for settings that
  ///   `CertificationSettings.check` refuses.
  public func certify(_ batch: Batch, settings: CertificationSettings, key: RandomKey) throws -> [Certificate]
  {
    try settings.check(noise)
    try batch.checkInputs(in: inputRange)
    let keys = batch.indices.map { key.derived($0) }
    let candidates = try classCounts(
      of: batch.inputs, copies: 0..<settings.selectionDraws, keys: keys.map { $0.derived("selection") }
    ).map { counts in counts.firstIndex(of: counts.max()!)! }
    let sigma = Double(noise.standardDeviation)
    var bounds = [ProbabilityBounds](repeating: ProbabilityBounds(), count: batch.count)
    var open = Array(0..<batch.count)
    var drawn = 0
    for look in settings.looks where !open.isEmpty {
      let counts = try classCounts(
        of: open.count == batch.count ? batch.inputs : batch.inputs.gathered(rows: open),
        copies: drawn..<look.draws, keys: open.map { keys[$0].derived("estimation") })
      for (row, sample) in open.enumerated() {
        bounds[sample].add(hits: counts[row][candidates[sample]], at: look)
      }
      drawn = look.draws
      if let stopping = settings.stopping {
        open.removeAll { stopping.isEnough(bounds[$0], of: settings, sigma: sigma) }
      }
    }
    return zip(candidates, bounds).map { candidate, bounds in
      Certificate(
        candidate: candidate, hits: bounds.hits, draws: bounds.draws, lowerBound: bounds.lower, sigma: sigma)
    }
  }
}

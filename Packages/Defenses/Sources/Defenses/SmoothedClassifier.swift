import NNLayers
import Synchronization
import TensorCore

/// A base classifier under random noise: its answer is the class that the base most likely gives to a noisy input.
///
///     g(x) = argmax_c P[f(x + ε) = c],   ε ~ N(0, σ²I)
///
/// The probabilities are not known, so nothing here gives g itself: `predict` answers with g's class or abstains, `certify`
/// bounds how far g's class reaches, both wrong with at most a stated probability over the noise.
///
/// Each sample draws from its own key, `key.derived(index)` with its index in the data set, and copies run in chunks of one
/// sample, so the answers depend neither on the batch nor on the number of threads. A draw has 24 random bits and none
/// lies further than 5.77 σ from the mean: the noise is normal up to that.
///
/// Source: Cohen, Rosenfeld, Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019.
public struct SmoothedClassifier: Sendable {
  /// f, without the noise.
  public let base: EvaluationPlan
  /// ε, and the clamping that f begins with.
  public let noise: SmoothingNoise
  /// What the pixels of an input must be, before noise.
  public let inputRange: ClosedRange<Float>
  /// How many classes f has.
  public let classCount: Int

  /// How many copies are made and classified at a time: few enough to stay in a core's cache. Part of what decides the
  /// bits, so no setting; a multiple of 4.
  static let chunk = 100

  /// A smoothed classifier; normalising, if any, is part of the base.
  public init(_ base: EvaluationPlan, noise: SmoothingNoise, inputRange: ClosedRange<Float> = 0...1) {
    self.base = base
    self.noise = noise
    self.inputRange = inputRange
    let logits = base.logits(.zeros(shape: base.sample.inserting(axis: 0).replacing(axis: 0, with: 1)))
    precondition(
      logits.rank == 2, "SmoothedClassifier: the base's logits have shape \(logits.shape), not [n, classes]")
    classCount = logits.shape[1]
  }

  /// How often each class is the base's answer among noisy copies of each sample: `[n, …] → n` times `classCount` numbers.
  ///
  /// Noise, clamping, forward pass and counting run chunk by chunk, each chunk a task of the pool.
  ///
  /// - Parameters:
  ///   - samples: `[n, …]`; any values, inside the range or not.
  ///   - copies: the numbers of the copies; those of the same key and number have the same noise.
  ///   - keys: `[n]`, each sample's noise.
  /// - Throws: `InputError.outOfRange` when a logit is not finite.
  /// - Precondition: as many keys as samples, and the first copy's number is a multiple of 4.
  public func classCounts(of samples: Tensor, copies: Range<Int>, keys: [RandomKey]) throws -> [[Int]] {
    precondition(
      samples.rank > 0 && samples.shape[0] == keys.count,
      "classCounts: samples \(samples.shape), \(keys.count) keys")
    let chunks = (copies.count + Self.chunk - 1) / Self.chunk
    let counts = Mutex([[Int]](repeating: [Int](repeating: 0, count: classCount), count: keys.count))
    let failed = Mutex<Int?>(nil)
    ThreadPool.run(tasks: keys.count * chunks) { task in
      let sample = task / chunks
      let first = copies.lowerBound + task % chunks * Self.chunk
      let part = first..<min(first + Self.chunk, copies.upperBound)
      let logits = base.logits(noise.copies(of: samples[row: sample], part, key: keys[sample]))
      guard logits.isFinite else {
        failed.withLock { $0 = min($0 ?? sample, sample) }
        return
      }
      let labels = logits.argmax(alongAxis: 1).scalars
      counts.withLock { counts in for label in labels { counts[sample][Int(label)] += 1 } }
    }
    if let row = failed.withLock({ $0 }) {
      throw InputError(
        .outOfRange, "the base classifier's logits of noisy copies of row \(row)", expected: "finite numbers",
        found: "NaN or infinity", remedy: "Load weights that did not diverge.")
    }
    return counts.withLock { $0 }
  }
}

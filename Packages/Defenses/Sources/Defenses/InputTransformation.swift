import Attacks
import TensorCore

/// A change that a deployment makes to every input before its classifier sees it, such as compression: each sample by
/// itself, without randomness, and mostly without a useful gradient.
///
///     let deployed = classifier.behind([JPEGCompression(quality: 75), BitDepthReduction(bits: 5)])
///
/// What such a change gains against attacks that do not know of it says nothing: judge the classifier that `behind` returns,
/// whose gradients lead through it.
public protocol InputTransformation: Sendable, CustomStringConvertible {
  /// The changed inputs, `[n, channels, height, width] → [n, channels, height, width]`, pixels in [0, 1].
  func callAsFunction(_ x: Tensor) -> Tensor
}

extension Classifier {
  /// This classifier behind transformations, the first of them first: exact forwards, and backwards as if they were not there,
  /// because what they return is close to what they are given.
  ///
  /// Source: Athalye, Carlini, Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1.1.
  public func behind(_ transformations: [any InputTransformation]) -> BackwardPassApproximation<Self> {
    BackwardPassApproximation(self, step: { x in transformations.reduce(x) { $1($0) } })
  }
}

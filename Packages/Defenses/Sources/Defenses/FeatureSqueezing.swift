import Attacks
import TensorCore

/// A detector of adversarial inputs: a classifier whose answer to an input and to a squeezed form of it differ too much was
/// deceived about one of them.
///
///     score(x) = max over squeezers s of ‖softmax(f(x)) − softmax(f(s(x)))‖₁,   0 to 2
///
/// An attack that knows of it makes both answers wrong alike: `underAttack` is the classifier that it climbs. What the
/// detector is worth is what it finds of such attacks.
///
/// Sources: Xu, Evans, Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS 2018; for the
/// attack Carlini, Wagner, "Adversarial Examples Are Not Easily Detected: Bypassing Ten Detection Methods", AISec 2017, and He,
/// Wei, Chen, Carlini, Song, "Adversarial Example Defenses: Ensembles of Weak Defenses are not Strong", WOOT 2017.
public struct FeatureSqueezing<Base: Classifier>: Sendable, CustomStringConvertible {
  /// f.
  public let base: Base
  /// The squeezers.
  public let squeezers: [any InputTransformation]

  /// A detector for this classifier.
  ///
  /// - Precondition: there is a squeezer.
  public init(_ base: Base, squeezers: [any InputTransformation]) {
    precondition(!squeezers.isEmpty, "FeatureSqueezing: no squeezers")
    self.base = base
    self.squeezers = squeezers
  }

  /// Each input's score, `[n, …] → n` numbers.
  public func scores(of x: Tensor) -> [Double] {
    let probabilities = base.logits(x).softmax()
    let distances = squeezers.map { base.logits($0(x)).softmax().distances(to: probabilities, in: .l1) }
    return (0..<x.shape[0]).map { row in distances.map { $0[row] }.max() ?? 0 }
  }

  /// The mean of the answers to the input as it is and to its squeezed forms, with gradients through all of them: what
  /// deceives it surely, towards one class, has a low score.
  public var underAttack: EnsembleClassifier {
    EnsembleClassifier([base] + squeezers.map { base.behind([$0]) })
  }

  /// The squeezers.
  public var description: String {
    "feature squeezing by " + squeezers.map { "\($0)" }.joined(separator: ", ")
  }
}

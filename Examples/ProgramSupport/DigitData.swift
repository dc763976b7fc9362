import Datasets
import Foundation
import NNLayers
import TensorCore

/// The digits that a program learns and judges by.
public struct DigitData: Sendable {
  /// MNIST's 60,000 training images, or the stand-in's 12,000.
  public let train: LabeledImages
  /// MNIST's 10,000 test images, or the stand-in's 2,000.
  public let test: LabeledImages
  /// Whether the images are a drawn stand-in.
  public var isSynthetic: Bool { train.isSynthetic }
  /// The SHA-256 of all images and labels: part of every stage's fingerprint.
  public let digest: String

  /// Loads the images that the options name.
  ///
  /// - Throws: `InputError` for a missing or damaged file.
  public init(_ options: ProgramOptions) throws {
    if let folder = options.dataFolder {
      train = try MNIST.load(.train, from: folder)
      test = try MNIST.load(.test, from: folder)
    } else {
      let key = RandomKey(seed: 0).derived("synthetic digits")
      train = SyntheticDigits.images(count: 12_000, key: key.derived("train"))
      test = SyntheticDigits.images(count: 2_000, key: key.derived("test"))
    }
    var hash = SHA256()
    for part in [train, test] {
      part.pixels.scalars.withUnsafeBytes { hash.update($0) }
      part.labels.scalars.withUnsafeBytes { hash.update($0) }
    }
    digest = hash.hexadecimal
  }

  /// The SHA-256 of all that decides a training run's bits: see `trainingFingerprint`.
  public func fingerprint(_ loop: TrainingLoop, _ optimizer: some Optimizer, network: String) -> String {
    trainingFingerprint(loop, optimizer, network: network, data: digest)
  }
}

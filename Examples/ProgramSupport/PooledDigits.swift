import Datasets
import Foundation
import TensorCore

/// All digits of MNIST in one and their division by document 0: 64 % to learn from, 16 % to follow the training by, 20 %
/// to test, every digit with its share of each.
public struct PooledDigits: Sendable {
  /// MNIST's 70,000 images, the original training images first, or the stand-in's 14,000.
  public let all: LabeledImages
  /// The images to learn from: 44,800 of MNIST's.
  public let training: Subset
  /// The images to judge each epoch by: 11,200 of MNIST's.
  public let validation: Subset
  /// The images to judge the end by: 14,000 of MNIST's.
  public let test: Subset
  /// The SHA-256 of all images and labels and of the division: part of every stage's fingerprint.
  public let digest: String

  /// Loads the images that the options name and divides them by the options' seed.
  ///
  /// - Throws: `InputError` for a missing or damaged file, or for too few images of a digit.
  public init(_ options: ProgramOptions) throws {
    if let folder = options.dataFolder {
      try self.init(MNIST.pooled(from: folder), seed: options.seed)
    } else {
      let key = RandomKey(seed: 0).derived("synthetic digits")
      try self.init(SyntheticDigits.images(count: 14_000, key: key), seed: options.seed)
    }
  }

  /// Divides images: a fifth is held out to test, then a fifth of the rest to validate, stratified both times.
  ///
  /// - Throws: `InputError.outOfRange` for too few images of a digit.
  public init(_ all: LabeledImages, seed: UInt64) throws {
    self.all = all
    let key = RandomKey(seed: seed).derived("split")
    let rest: Subset
    (rest, test) = try all.split(holdingOut: 0.2, key: key.derived("test"))
    (training, validation) = try rest.split(holdingOut: 0.2, key: key.derived("validation"))
    var hash = SHA256()
    all.pixels.scalars.withUnsafeBytes { hash.update($0) }
    all.labels.scalars.withUnsafeBytes { hash.update($0) }
    for part in [training, validation, test] { hash.update("\(part.sourceIndices)\n") }
    digest = hash.hexadecimal
  }
}

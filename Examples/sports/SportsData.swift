import Datasets
import Foundation
import NNLayers
import ProgramSupport
import TensorCore

/// The images that networks learn from, those that choose their epoch, and those that judge them.
struct SportsData: Sendable {
  let sports: Sports10
  /// The images to learn from, as they are before augmentation.
  let training: Subset
  /// The images to judge by: those of validation, or a part of the training images set aside.
  let test: Subset
  /// Whether the test images had no part in choosing the epoch (requirement D4.3).
  let isTestSeparate: Bool
  /// The SHA-256 of all images, labels and the division: part of every checkpoint.
  let digest: String

  var isSynthetic: Bool { sports.isSynthetic }
  var validation: LabeledImages { sports.validation }

  /// Loads the images that the options name.
  ///
  /// - Throws: `InputError` naming the file or folder that cannot be used.
  init(_ options: ProgramOptions) throws {
    sports =
      try options.dataFolder.map { try Sports10(folder: $0) }
      ?? Sports10(drawnWith: RandomKey(seed: 0).derived("synthetic scenes"))
    isTestSeparate = options.has("--separate-test")
    if isTestSeparate {
      let key = RandomKey(seed: options.seed).derived("split").derived("test")
      (training, test) = try sports.training.split(holdingOut: 0.1, key: key)
    } else {
      training = sports.training.subset(at: Array(0..<sports.training.count))
      test = sports.validation.subset(at: Array(0..<sports.validation.count))
    }
    var hash = SHA256()
    for part in [sports.training, sports.validation] {
      part.pixels.scalars.withUnsafeBytes { hash.update($0) }
      part.labels.scalars.withUnsafeBytes { hash.update($0) }
    }
    hash.update("\(training.sourceIndices) \(isTestSeparate)")
    digest = hash.hexadecimal
  }

  /// The training images as they look in each epoch.
  func augmented(_ key: RandomKey) -> Subset {
    AugmentedImages(of: sports.training, by: Sports10.augmentation, key: key).subset(
      at: training.sourceIndices)
  }
}

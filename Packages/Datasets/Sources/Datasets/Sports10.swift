import Foundation
import ImageCodecs
import TensorCore

/// Ten kinds of sport, 32 × 32 in colour: training and validation images.
///
/// The images come from the layout of the public 100-sports collection, `train/<class>/*` and `valid/<class>/*`, cut to
/// ten classes; without them there are drawn pictures with the same counts.
public struct Sports10: Sendable {
  /// The classes, in alphabetical order.
  public static let classNames = [
    "baseball", "basketball", "football", "golf", "hockey", "rugby", "swimming", "tennis", "volleyball",
    "weightlifting",
  ]

  /// The first step of both pipelines: small pictures, because training is to be quick on a CPU.
  public static let preparation = Resize(32)

  /// What training adds against overfitting, each image anew in each epoch. It is followed by the division by 255; the
  /// normalisation, with the mean and deviation of ImageNet as pretrained weights expect it, is part of the model.
  public static let augmentation = TransformSequence(
    RandomHorizontalFlip(probability: 0.5), RandomRotation(degrees: 15),
    ColorJitter(brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1))

  /// The mean of ImageNet's red, green and blue pixels in [0, 1], which the model subtracts.
  public static let channelMeans: [Float] = [0.485, 0.456, 0.406]
  /// Their standard deviations, by which the model divides.
  public static let channelDeviations: [Float] = [0.229, 0.224, 0.225]

  /// The images to train on, as they were before augmentation.
  public let training: LabeledImages
  /// The images to judge by, five a class.
  public let validation: LabeledImages
  /// What was left out of training because validation has it too; nil for drawn pictures.
  public let duplicates: DuplicateImages?

  /// Whether the images are drawn.
  public var isSynthetic: Bool { training.isSynthetic }

  /// How many images of each class there are.
  public var distribution: ClassDistribution {
    ClassDistribution(
      classNames: Self.classNames, parts: [("train", training.labels), ("valid", validation.labels)])
  }

  /// Reads the images of a folder, resized by `preparation`.
  ///
  /// - Parameter folder: holds `train` and `valid`.
  /// - Throws: `InputError` naming the path; see `ImageFolderSplits` and `ImageFolder.images`.
  public init(folder: URL) throws {
    let splits = try ImageFolderSplits(at: folder, classNames: Self.classNames)
    training = try splits.training.images(resizedBy: Self.preparation)
    validation = try splits.validation.images(resizedBy: Self.preparation)
    duplicates = splits.duplicates
  }

  /// How many training images each class of the real set has, without duplicates of validation images.
  static let trainingCounts = [174, 169, 191, 157, 172, 166, 157, 131, 142, 134]
  /// How many validation images each class has.
  static let validationCounts = [Int](repeating: 5, count: 10)

  /// Drawn pictures with the counts of the real ones; see `SyntheticScenes`.
  public init(drawnWith key: RandomKey) {
    func drawn(_ counts: [Int], _ key: RandomKey) -> LabeledImages {
      let labels = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
      return SyntheticScenes.images(labels: labels, classNames: Self.classNames, side: 32, key: key)
    }
    training = drawn(Self.trainingCounts, key.derived("train"))
    validation = drawn(Self.validationCounts, key.derived("valid"))
    duplicates = nil
  }
}

import Foundation
import TensorCore

/// The MNIST database of handwritten digits: 60,000 training and 10,000 test images, 28 × 28.
///
///     let test = try MNIST.load(.test, from: URL(fileURLWithPath: "Data/mnist"))
///
/// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
/// Proceedings of the IEEE, 1998.
public enum MNIST {
  /// Names, classes and checksums.
  public static let collection = ImageCollection(
    name: "MNIST", folderName: "mnist", classNames: (0...9).map(String.init), trainCount: 60_000,
    digests: [
      "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ])

  /// One part, `[n, 1, 28, 28]`, in the order of the original files; see `ImageCollection.load`.
  public static func load(_ part: CollectionPart, from folder: URL) throws -> LabeledImages {
    try collection.load(part, from: folder)
  }

  /// All 70,000 images, the original training images at 0 ..< 60,000.
  public static func pooled(from folder: URL) throws -> LabeledImages { try collection.pooled(from: folder) }

  /// Compares a folder's IDX files with the published ones by SHA-256.
  public static func verify(in folder: URL) throws { try collection.verify(in: folder) }
}

/// Fashion-MNIST: images of clothing in the form of MNIST.
///
/// Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
/// Algorithms", 2017.
public enum FashionMNIST {
  /// Names, classes and checksums.
  public static let collection = ImageCollection(
    name: "Fashion-MNIST", folderName: "fashion-mnist",
    classNames: [
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
      "Ankle boot",
    ], trainCount: 60_000,
    digests: [
      "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ])

  /// One part, `[n, 1, 28, 28]`, in the order of the original files; see `ImageCollection.load`.
  public static func load(_ part: CollectionPart, from folder: URL) throws -> LabeledImages {
    try collection.load(part, from: folder)
  }

  /// All 70,000 images, the original training images at 0 ..< 60,000.
  public static func pooled(from folder: URL) throws -> LabeledImages { try collection.pooled(from: folder) }

  /// Compares a folder's IDX files with the published ones by SHA-256.
  public static func verify(in folder: URL) throws { try collection.verify(in: folder) }
}

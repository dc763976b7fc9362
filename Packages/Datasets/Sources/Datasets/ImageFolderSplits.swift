import Foundation
import ImageCodecs
import TensorCore

/// Image folders for training and validation beside each other, without what the two have in common.
///
///     let splits = try ImageFolderSplits(at: folder)            // folder/train/<class>/*, folder/valid/<class>/*
///     print(splits.duplicates, splits.distribution, separator: "\n")
///     let training = try splits.training.images(resizedBy: Resize(32))
public struct ImageFolderSplits: Sendable {
  /// The training files without those that validation has too.
  public let training: ImageFolder
  /// The validation files.
  public let validation: ImageFolder
  /// What was left out of training.
  public let duplicates: DuplicateImages

  /// Lists both folders and looks for files that are equal byte for byte.
  ///
  /// A model that has seen an image that it is judged by looks better than it is, so such images leave training.
  ///
  /// - Parameters:
  ///   - folder: where both folders are.
  ///   - classNames: what the classes must be; nil accepts those there are.
  ///   - trainingName: the training folder's name.
  ///   - validationName: the validation folder's name.
  /// - Throws: `InputError` naming the path: as `ImageFolder.init` does; `.mismatch` when a class is in one folder only;
  ///   `.missing` when a class has no training image but duplicates.
  public init(
    at folder: URL, classNames: [String]? = nil, trainingName: String = "train",
    validationName: String = "valid"
  ) throws {
    let all = try ImageFolder(at: folder.appendingPathComponent(trainingName), classNames: classNames)
    validation = try ImageFolder(at: folder.appendingPathComponent(validationName), classNames: classNames)
    try ImageFolder.compare(
      validation.classNames, with: all.classNames, in: validation.url, reference: "\(trainingName)/")
    try ImageFolder.compare(
      all.classNames, with: validation.classNames, in: all.url, reference: "\(validationName)/")
    let duplicates = try DuplicateImages(in: all, of: validation)
    let dropped = Set(duplicates.pairs.map(\.training))
    training = all.filtered { !dropped.contains($0.name) }
    self.duplicates = duplicates
    for (label, name) in all.classNames.enumerated()
    where !training.files.contains(where: { $0.label == label }) {
      throw InputError(
        .missing, all.url.appendingPathComponent(name).path,
        expected: "images that \(validationName)/ does not have", found: "its images only")
    }
  }

  /// How many images of each class there are.
  public var distribution: ClassDistribution {
    ClassDistribution(
      classNames: training.classNames, parts: [("train", training.labels), ("valid", validation.labels)])
  }
}

/// Training files that are equal, byte for byte, to validation files.
public struct DuplicateImages: Sendable, Hashable, CustomStringConvertible {
  /// A training file and the first validation file that it equals, by class and name.
  public struct Pair: Sendable, Hashable {
    /// The training file.
    public let training: String
    /// The validation file.
    public let validation: String
  }

  /// The files, in the order of the training folder.
  public let pairs: [Pair]
  /// How many training files were compared.
  public let comparedCount: Int

  /// Compares all files of one folder with all of another; only those of equal size are read.
  ///
  /// - Throws: `InputError.missing` when a file cannot be read.
  public init(in training: ImageFolder, of validation: ImageFolder) throws {
    func bySize(_ folder: ImageFolder) throws -> [Int: [ImageFolder.File]] {
      try Dictionary(grouping: folder.files) { file in
        guard let size = try? FileManager.default.attributesOfItem(atPath: file.url.path)[.size] as? Int
        else {
          throw InputError(
            .missing, file.url.path, expected: "a file that can be read", found: "one that cannot")
        }
        return size
      }
    }
    let sizes = try bySize(validation)
    var found: [String: String] = [:]
    for (size, files) in try bySize(training) {
      guard let others = sizes[size] else { continue }
      var names: [String: String] = [:]
      for other in others {
        let digest = try SHA256.hexadecimal(ofFile: other.url)
        names[digest] = names[digest] ?? other.name
      }
      for file in files { found[file.name] = names[try SHA256.hexadecimal(ofFile: file.url)] }
    }
    pairs = training.files.compactMap { file in
      found[file.name].map { Pair(training: file.name, validation: $0) }
    }
    comparedCount = training.count
  }

  /// The line that a report shows.
  public var description: String {
    if pairs.isEmpty {
      return "None of \(comparedCount) training images is byte-identical to a validation image."
    }
    let list = pairs.map { "\($0.training) (= \($0.validation))" }.joined(separator: ", ")
    return
      "\(pairs.count) of \(comparedCount) training images are byte-identical to validation images and were left "
      + "out of training: \(list)."
  }
}

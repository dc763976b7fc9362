import Foundation
import TensorCore

/// Which half of a collection.
public enum CollectionPart: String, Sendable, CaseIterable {
  /// The images to train on.
  case train
  /// The images to test on.
  case test

  /// How the collections' IDX files begin.
  fileprivate var filePrefix: String { self == .train ? "train" : "t10k" }
}

/// A collection of 28 × 28 grey images that is passed around as MNIST is: four IDX files, or one npz or CSV file.
///
/// A folder is searched for, in this order:
///
/// - IDX, plain or `.gz`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…` (a dot for the second
///   hyphen is accepted);
/// - `<name>.npz` with `x_train`, `y_train`, `x_test`, `y_test`, as Keras has it;
/// - `<name>_train.csv` and `<name>_test.csv`, or `<name>_784.csv` with the training rows first, as OpenML has it.
///
/// It may be the folder of the files or the one above it (`Data` for `Data/mnist`).
public struct ImageCollection: Sendable {
  /// What users call it.
  public let name: String
  /// The folder and the stem of file names.
  public let folderName: String
  /// What each class is called.
  public let classNames: [String]
  /// How many images the training part has, which is where a joint table is cut.
  public let trainCount: Int
  /// SHA-256 of each IDX file, decompressed, by its plain name.
  public let digests: [String: String]

  /// A description of a collection.
  public init(
    name: String, folderName: String, classNames: [String], trainCount: Int, digests: [String: String] = [:]
  ) {
    self.name = name
    self.folderName = folderName
    self.classNames = classNames
    self.trainCount = trainCount
    self.digests = digests
  }

  /// One part of the collection, in the order of its files.
  ///
  /// - Throws: `InputError.missing` naming the folder and the file when there is none, `.damaged` for a file whose
  ///   bytes do not fit its format, `.outOfRange` for labels that are no class.
  public func load(_ part: CollectionPart, from folder: URL) throws -> LabeledImages {
    let bytes = try locate(in: folder).bytes(part, of: self)
    return try LabeledImages(bytes, classNames: classNames, name: "\(name), \(part.rawValue)")
  }

  /// All images, the training part first: an index below `trainCount` is an original training image.
  public func pooled(from folder: URL) throws -> LabeledImages {
    let bytes = try locate(in: folder).allBytes(of: self)
    return try LabeledImages(bytes, classNames: classNames, name: name)
  }

  /// Compares the four IDX files of a folder with the published ones, byte for byte by SHA-256.
  ///
  /// - Throws: `InputError.missing` when the folder has no IDX files, `.damaged` naming the first that differs.
  public func verify(in folder: URL) throws {
    let found = Place.candidates(folder, folderName).lazy.compactMap { candidate in
      CollectionPart.allCases.allSatisfy { IDXPair(folder: candidate, part: $0) != nil } ? candidate : nil
    }.first
    guard let found else { throw missing(in: folder) }
    for part in CollectionPart.allCases {
      guard let pair = IDXPair(folder: found, part: part) else { throw missing(in: folder) }
      for url in [pair.images, pair.labels] {
        let plain = IDXPair.plainName(url)
        let digest = SHA256.hexadecimal(of: try DataFile.contents(of: url))
        guard let expected = digests[plain], digest == expected else {
          throw InputError(
            .damaged, url.path,
            expected: "the \(name) file with SHA-256 \((digests[plain] ?? "none").prefix(12))…",
            found: "\(digest.prefix(12))…", remedy: "Delete it and run `make data`.")
        }
      }
    }
  }

  /// Writes both parts as the four IDX files, each whole or not at all.
  ///
  /// - Throws: `InputError.damaged`, before anything is written, when `digests` has a file's sum and it differs.
  public func write(train: ImageBytes, test: ImageBytes, to folder: URL) throws {
    let files = [(CollectionPart.train, train), (.test, test)].flatMap { part, bytes in
      [
        ("\(part.filePrefix)-images-idx3-ubyte", IDXFile.encoded(bytes.pixels)),
        ("\(part.filePrefix)-labels-idx1-ubyte", IDXFile.encoded(bytes.labels)),
      ]
    }
    for (file, data) in files {
      let digest = SHA256.hexadecimal(of: data)
      guard digests[file] == nil || digests[file] == digest else {
        throw InputError(
          .damaged, file, expected: "the \(name) file with SHA-256 \(digests[file]?.prefix(12) ?? "")…",
          found: "\(digest.prefix(12))…")
      }
    }
    for (file, data) in files { try AtomicFile.write(data, to: folder.appendingPathComponent(file)) }
  }

  private func missing(in folder: URL) -> InputError {
    InputError(
      .missing, folder.appendingPathComponent("train-images-idx3-ubyte").path,
      expected: "\(name) as IDX, \(folderName).npz or \(folderName)_784.csv",
      found: DataFile.exists(folder) ? "no such file" : "no such folder",
      remedy: "Run `make data`, or name a folder that has it.")
  }

  private func locate(in folder: URL) throws -> Place {
    for candidate in Place.candidates(folder, folderName) {
      if let place = Place(folder: candidate, stem: folderName) { return place }
    }
    throw missing(in: folder)
  }
}

/// The two IDX files of a part.
private struct IDXPair {
  let images: URL
  let labels: URL

  /// The pair in a folder; nil unless both are there.
  init?(folder: URL, part: CollectionPart) {
    func find(_ kind: String, _ rank: Int) -> URL? {
      let names = ["-", "."].map { "\(part.filePrefix)-\(kind)\($0)idx\(rank)-ubyte" }
      return names.flatMap { [$0, $0 + ".gz"] }.map { folder.appendingPathComponent($0) }.first(
        where: DataFile.exists)
    }
    guard let images = find("images", 3), let labels = find("labels", 1) else { return nil }
    self.images = images
    self.labels = labels
  }

  /// The usual name of an IDX file without compression.
  static func plainName(_ url: URL) -> String {
    let file = url.pathExtension == "gz" ? url.deletingPathExtension() : url
    return file.lastPathComponent.replacingOccurrences(of: ".idx", with: "-idx")
  }
}

/// Where and in which form a folder has a collection.
private enum Place {
  case idx(train: IDXPair, test: IDXPair)
  case npz(URL)
  case tables(train: URL, test: URL)
  case table(URL)

  static func candidates(_ folder: URL, _ folderName: String) -> [URL] {
    [folder.appendingPathComponent(folderName), folder]
  }

  init?(folder: URL, stem: String) {
    func file(_ name: String) -> URL? {
      let url = folder.appendingPathComponent(name)
      return DataFile.exists(url) ? url : nil
    }
    if let train = IDXPair(folder: folder, part: .train), let test = IDXPair(folder: folder, part: .test) {
      self = .idx(train: train, test: test)
    } else if let npz = file("\(stem).npz") {
      self = .npz(npz)
    } else if let train = file("\(stem)_train.csv"), let test = file("\(stem)_test.csv") {
      self = .tables(train: train, test: test)
    } else if let table = file("\(stem)_784.csv") {
      self = .table(table)
    } else {
      return nil
    }
  }

  func bytes(_ part: CollectionPart, of collection: ImageCollection) throws -> ImageBytes {
    switch self {
    case .idx(let train, let test):
      let pair = part == .train ? train : test
      return try ImageBytes(
        pixels: IDXFile.read(pair.images), labels: IDXFile.read(pair.labels), name: pair.images.path)
    case .npz(let url):
      let file = try NPZFile(contentsOf: url, sizeLimit: DataFile.sizeLimit)
      return try ImageBytes(
        pixels: file.array(named: "x_\(part.rawValue)").byteTensor(),
        labels: file.array(named: "y_\(part.rawValue)").byteTensor(), name: url.path)
    case .tables(let train, let test):
      let url = part == .train ? train : test
      return try ImageCSV.decoded(DataFile.contents(of: url), side: 28, name: url.lastPathComponent)
    case .table:
      let all = try allBytes(of: collection)
      let cut = collection.trainCount
      return try all.rows(part == .train ? 0..<cut : cut..<all.count, name: collection.name)
    }
  }

  func allBytes(of collection: ImageCollection) throws -> ImageBytes {
    guard case .table(let url) = self else {
      return try bytes(.train, of: collection).joined(
        with: bytes(.test, of: collection), name: collection.name)
    }
    let all = try ImageCSV.decoded(DataFile.contents(of: url), side: 28, name: url.lastPathComponent)
    guard all.count > collection.trainCount else {
      throw InputError(
        .mismatch, url.path, expected: "more than \(collection.trainCount) rows, the training rows first",
        found: "\(all.count)")
    }
    return all
  }
}

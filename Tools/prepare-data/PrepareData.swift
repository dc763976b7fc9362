import Datasets
import Foundation
import TensorCore

/// Turns a pickled MNIST into the four IDX files, or checks files that are there; `make data` calls it.
@main
struct PrepareData {
  static let usage = """
    usage: prepare-data --pickle FILE --out FOLDER    write MNIST's IDX files from mnist.pkl.gz
           prepare-data --check FOLDER [--fashion]    compare IDX files with the published checksums
    """

  static func main() {
    do {
      print(try run(Array(CommandLine.arguments.dropFirst())))
    } catch {
      FileHandle.standardError.write(Data("prepare-data: \(error.localizedDescription)\n".utf8))
      exit(1)
    }
  }

  /// Does what the arguments say.
  ///
  /// - Returns: what to print.
  static func run(_ arguments: [String]) throws -> String {
    var values: [String: String] = [:]
    var isFashion = false
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h": return usage
      case "--fashion": isFashion = true
      case "--pickle", "--out", "--check":
        guard let value = rest.popFirst() else { throw wrong(option, "a path behind it", "nothing") }
        values[option] = value
      default: throw wrong(option, "--pickle, --out, --check, --fashion or --help", "something else")
      }
    }
    let url = values.mapValues { URL(fileURLWithPath: $0) }
    switch (url["--pickle"], url["--out"], url["--check"]) {
    case (let file?, let folder?, nil) where !isFashion:
      return try convert(file, to: folder)
    case (nil, nil, let folder?):
      let collection = isFashion ? FashionMNIST.collection : MNIST.collection
      try collection.verify(in: folder)
      return "\(collection.name) in \(folder.path) is complete and unchanged."
    default: throw wrong("options", "--pickle FILE --out FOLDER, or --check FOLDER", "other ones")
    }
  }

  private static func convert(_ file: URL, to folder: URL) throws -> String {
    let (train, test) = try MNISTPickle.read(file)
    try MNIST.collection.write(train: train, test: test, to: folder)
    return "Wrote \(train.count) training and \(test.count) test images to \(folder.path)."
  }

  private static func wrong(_ option: String, _ expected: String, _ found: String) -> InputError {
    InputError(.unsupported, option, expected: expected, found: found, remedy: "See prepare-data --help.")
  }
}

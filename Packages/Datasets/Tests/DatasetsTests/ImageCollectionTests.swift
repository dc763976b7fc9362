import Foundation
import TensorCore
import Testing

@testable import Datasets

@Suite struct ImageCollectionTests {
  // Each form was written by NumPy or plain Python from one formula; swapped parts, rows, columns or label columns
  // would show in one of them.
  @Test(arguments: ["idx", "npz", "openml", "csv"]) func everyFormReadsTheSame(form: String) throws {
    let folder = try Support.fixture(form)
    for (part, first, count) in [(CollectionPart.train, 0, 6), (.test, 6, 4)] {
      let images = try Support.tiny.load(part, from: folder)
      #expect(images.images.shape == [count, 1, 28, 28] && images.classCount == 10 && !images.isSynthetic)
      #expect(images.labels == IntTensor(Array(first..<(first + count))))
      var expected: [Float] = []
      for i in first..<(first + count) {
        for row in 0..<28 {
          for column in 0..<28 { expected.append(Float(Support.pixel(i, row, column)) / 255) }
        }
      }
      #expect(images.images.scalars == expected)
    }
  }

  @Test(arguments: ["idx", "openml"]) func pooledHasTheTrainingImagesFirst(form: String) throws {
    let all = try Support.tiny.pooled(from: Support.fixture(form))
    #expect(all.labels == IntTensor(Array(0..<10)))
    #expect(all.images[6, 0, 0, 0] == Float(Support.pixel(6, 0, 0)) / 255)
  }

  @Test func folderAboveAndPlainFiles() throws {
    let train = SyntheticDigits.bytes(count: 20, key: RandomKey(seed: 1))
    let test = SyntheticDigits.bytes(count: 10, key: RandomKey(seed: 2))
    try Support.withFolder { folder in
      try Support.tiny.write(train: train, test: test, to: folder.appendingPathComponent("tiny"))
      #expect(try Support.tiny.load(.train, from: folder).count == 20)
      #expect(try Support.tiny.load(.test, from: folder.appendingPathComponent("tiny")).count == 10)
    }
  }

  @Test func missingFilesAreNamed() throws {
    try Support.withFolder { folder in
      for (place, reason) in [
        (folder, "no such file"), (folder.appendingPathComponent("none"), "no such folder"),
      ] {
        let error = #expect(throws: InputError.self) { try MNIST.load(.train, from: place) }
        #expect(error?.kind == .missing && error?.found == reason)
        #expect(error?.subject == place.appendingPathComponent("train-images-idx3-ubyte").path)
        #expect(error?.description.contains("make data") == true)
      }
    }
  }

  // Published checksums: digits of the right form but other content must not pass for MNIST.
  @Test func verificationComparesContents() throws {
    let digits = SyntheticDigits.bytes(count: 10, key: RandomKey(seed: 1))
    try Support.withFolder { folder in
      #expect(throws: InputError.self) { try MNIST.collection.write(train: digits, test: digits, to: folder) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      #expect(throws: InputError.self) { try MNIST.verify(in: folder) }

      try Support.tiny.write(train: digits, test: digits, to: folder)
      let error = #expect(throws: InputError.self) { try MNIST.verify(in: folder) }
      #expect(error?.kind == .damaged && error?.subject.hasSuffix("train-images-idx3-ubyte") == true)

      let names = [
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
      ]
      let digests = try names.map { ($0, try SHA256.hexadecimal(ofFile: folder.appendingPathComponent($0))) }
      let known = ImageCollection(
        name: "Tiny", folderName: "tiny", classNames: Support.tiny.classNames, trainCount: 6,
        digests: Dictionary(uniqueKeysWithValues: digests))
      try known.verify(in: folder)
    }
  }

  @Test func labelsBeyondTheClassesAreRefused() throws {
    let few = ImageCollection(name: "Few", folderName: "tiny", classNames: ["0", "1", "2"], trainCount: 6)
    let error = #expect(throws: InputError.self) { try few.load(.train, from: Support.fixture("idx")) }
    #expect(error?.kind == .outOfRange && error?.subject.contains("label 3") == true)
  }

  @Test func partsThatDoNotFitAreRefused() throws {
    let digits = SyntheticDigits.bytes(count: 10, key: RandomKey(seed: 1))
    try Support.withFolder { folder in
      try Support.tiny.write(train: digits, test: digits, to: folder)
      try IDXFile.write(
        ByteTensor(shape: [9], scalars: [UInt8](repeating: 0, count: 9)),
        to: folder.appendingPathComponent("train-labels-idx1-ubyte"))
      #expect(throws: InputError.self) { try Support.tiny.load(.train, from: folder) }
    }
  }

  // A table that ends within the training rows has no test part.
  @Test func shortTablesAreRefused() throws {
    let larger = ImageCollection(
      name: "Tiny", folderName: "tiny", classNames: Support.tiny.classNames, trainCount: 10)
    let error = #expect(throws: InputError.self) { try larger.load(.train, from: Support.fixture("openml")) }
    #expect(error?.kind == .mismatch && error?.found == "10")
  }

  @Test(arguments: [
    ("1,2,3,4,5\n1,2,3,4\n", "line 2: expected 5 columns, found 4"),
    ("1,2,3,4,5,6\n", "line 1: expected 5 columns, found more"),
    ("1,2,300,4,5\n", "\"300\""), ("1,2,,4,5\n", "\"\""), ("1,2.5,3,4,5\n", "\"2.5\""),
    ("1,-2,3,4,5\n", "\"-2\""),
    ("a,b,c,d,e\n", "a column called class or label"),
  ])
  func wrongTables(text: String, reason: String) {
    let error = #expect(throws: InputError.self) {
      try ImageCSV.decoded(Data(text.utf8), side: 2, name: "table.csv")
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func damagedTablesAreSurvived() {
    let text = "p1,p2,p3,p4,class\r\n1,2,3,4,'5'\r\n255,0.0,7,8,9\r\n"
    Support.survivesDamage(Data(text.utf8)) { _ = try ImageCSV.decoded($0, side: 2, name: "table.csv") }
  }
}

import Datasets
import Foundation
import TensorCore
import Testing

@Suite struct Sports10Tests {
  /// A small set in the layout of the real one, its validation images all in training too but one.
  static func withSports(_ body: (URL) throws -> Void) throws {
    try Support.withFolder { folder in
      for (label, name) in Sports10.classNames.enumerated() {
        let numbers = [label, 20 + label, 40 + label]
        try ImageFolderTests.write(
          numbers.map { "train/\(name)/\($0).png" }, numbers: numbers, in: folder)
        try ImageFolderTests.write(
          ["valid/\(name)/1.png"], numbers: [label == 8 ? 48 : 60 + label], in: folder)
      }
      try body(folder)
    }
  }

  @Test func foldersAreRead() throws {
    try Self.withSports { folder in
      let sports = try Sports10(folder: folder)
      #expect(!sports.isSynthetic && sports.training.pixels.shape == [29, 3, 32, 32])
      #expect(sports.validation.labels == IntTensor(Array(0..<10)))
      #expect(sports.duplicates?.pairs.map(\.training) == ["volleyball/48.png"])
      #expect(sports.duplicates?.pairs.map(\.validation) == ["volleyball/1.png"])
      #expect(sports.distribution.counts[8] == [2, 1] && sports.distribution.total == 39)
    }
  }

  @Test func lackingClassesAreNamed() throws {
    try Self.withSports { folder in
      try FileManager.default.removeItem(at: folder.appendingPathComponent("valid/golf"))
      #expect(ImageFolderTests.fails(.mismatch, "valid/golf") { _ = try Sports10(folder: folder) })
    }
  }

  // The counts of the real set: 1,593 without the five duplicates, five a class to validate.
  @Test func drawnImagesHaveTheRealCounts() throws {
    let sports = Sports10(drawnWith: RandomKey(seed: 42))
    #expect(sports.isSynthetic && sports.validation.isSynthetic && sports.duplicates == nil)
    #expect(sports.distribution.partTotals == [1593, 50] && sports.distribution.total == 1643)
    let training = sports.distribution.counts.map { $0[0] }
    #expect(training.min() == 131 && training.max() == 191)
    #expect(sports.distribution.counts.allSatisfy { $0[1] == 5 })
    #expect(sports.training.inputShape == [3, 32, 32])
    // Training and validation are drawn from different keys.
    #expect(sports.training.image(at: 0) != sports.validation.image(at: 0))
    // A separate test set, of every class its share, leaves the others to train on.
    let split = try sports.training.split(holdingOut: 160, key: RandomKey(seed: 1))
    let parts = ClassDistribution(
      classNames: Sports10.classNames, parts: [("train", split.kept.labels), ("test", split.heldOut.labels)])
    #expect(parts.partTotals == [1433, 160] && parts.counts.allSatisfy { (13...20).contains($0[1]) })
    #expect(Set(split.kept.sourceIndices).isDisjoint(with: split.heldOut.sourceIndices))
  }

  @Test func pipelineSaysWhatTheDocumentSays() {
    #expect("\(Sports10.preparation)" == "resize to 32 × 32, bilinear with antialiasing")
    #expect(
      "\(Sports10.augmentation)" == """
        horizontal flip with probability 0.5, then rotation by -15.0° to 15.0°, nearest, corners 0, then \
        colour jitter: brightness 0.2, contrast 0.2, saturation 0.2, hue 0.1
        """)
  }
}

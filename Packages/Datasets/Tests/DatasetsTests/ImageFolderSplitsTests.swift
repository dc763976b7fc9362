import Datasets
import Foundation
import ImageCodecs
import TensorCore
import Testing

@Suite struct ImageFolderSplitsTests {
  // Train: a has 0 1 2, b has 3 4 5. Valid: a has 1 (under another name) and 6, b has 7 and again 4. Equal sizes alone
  // must not count: all these PNG files have nearly the same length. An image that training has twice stays.
  @Test func duplicatesLeaveTraining() throws {
    try Support.withFolder { folder in
      try ImageFolderTests.write(
        ["train/a/0.png", "train/a/1.png", "train/a/2.png", "train/a/again.png"], numbers: [0, 1, 2, 2],
        in: folder)
      try ImageFolderTests.write(
        ["train/b/3.png", "train/b/4.png", "train/b/5.png"], numbers: [3, 4, 5], in: folder)
      try ImageFolderTests.write(["valid/a/x.png", "valid/a/y.png"], numbers: [1, 6], in: folder)
      try ImageFolderTests.write(["valid/b/x.png", "valid/b/y.png"], numbers: [7, 4], in: folder)
      let splits = try ImageFolderSplits(at: folder)
      #expect(
        splits.training.files.map(\.name) == ["a/0.png", "a/2.png", "a/again.png", "b/3.png", "b/5.png"])
      #expect(splits.validation.count == 4)
      #expect(
        splits.duplicates.description == """
          2 of 7 training images are byte-identical to validation images and were left out of training: \
          a/1.png (= a/x.png), b/4.png (= b/y.png).
          """)
      #expect(splits.distribution.counts == [[3, 2], [2, 2]] && splits.distribution.total == 9)
    }
  }

  @Test func partsWithoutDuplicatesStayWhole() throws {
    try Support.withFolder { folder in
      try ImageFolderTests.write(["train/a/0.png", "valid/a/0.png"], in: folder)
      let splits = try ImageFolderSplits(at: folder)
      #expect(splits.training.count == 1)
      #expect(
        splits.duplicates.description == "None of 1 training images is byte-identical to a validation image.")
    }
  }

  @Test func classesInOnePartOnlyAreNamed() throws {
    try Support.withFolder { folder in
      try ImageFolderTests.write(["train/a/0.png", "train/b/1.png", "valid/a/2.png"], in: folder)
      #expect(ImageFolderTests.fails(.mismatch, "valid/b") { _ = try ImageFolderSplits(at: folder) })
      try ImageFolderTests.write(["valid/b/3.png", "valid/c/4.png"], numbers: [3, 4], in: folder)
      #expect(ImageFolderTests.fails(.mismatch, "valid/c") { _ = try ImageFolderSplits(at: folder) })
      #expect(
        ImageFolderTests.fails(.missing, "holdout") {
          _ = try ImageFolderSplits(at: folder, validationName: "holdout")
        })
    }
  }

  @Test func classesOfDuplicatesOnlyAreNamed() throws {
    try Support.withFolder { folder in
      try ImageFolderTests.write(["train/a/0.png", "train/b/1.png"], in: folder)
      try ImageFolderTests.write(["valid/a/2.png", "valid/b/1.png"], numbers: [2, 1], in: folder)
      #expect(ImageFolderTests.fails(.missing, "train/b") { _ = try ImageFolderSplits(at: folder) })
    }
  }

  @Test func distributionIsATable() {
    let distribution = ClassDistribution(
      classNames: ["baseball", "golf"],
      parts: [("train", IntTensor([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])), ("valid", IntTensor([1, 0]))])
    #expect(
      distribution.description == """
        class     train  valid  total
        baseball      9      1     10
        golf          2      1      3
        total        11      2     13
        """)
    #expect(distribution.partTotals == [11, 2])
  }
}

import Datasets
import Foundation
import TensorCore
import Testing

@Suite struct MNISTPickleTests {
  // Three pairs of 4, 2 and 4 images as value / 256: validation images must follow the training images.
  @Test func trainingThenValidation() throws {
    let url = try Support.fixture("pickle/tiny.pkl.gz")
    let (train, test) = try MNISTPickle.decoded(Data(contentsOf: url), name: "tiny.pkl.gz")
    #expect(train.labels.scalars == [0, 1, 2, 3, 4, 5] && test.labels.scalars == [6, 7, 8, 9])
    for (part, first) in [(train, 0), (test, 6)] {
      #expect(part.pixels.shape == [part.count, 28, 28])
      for i in 0..<part.count {
        for row in 0..<28 {
          let start = (i * 28 + row) * 28
          #expect(
            Array(part.pixels.scalars[start..<(start + 28)])
              == (0..<28).map { Support.pixel(first + i, row, $0) })
        }
      }
    }
  }

  @Test(arguments: [
    Data("N.".utf8), Data("(NNt.".utf8), Data("((NNt(NNt(NNtt.".utf8), Data([0x1f, 0x8b, 8]), Data(),
  ])
  func otherFilesAreRefused(data: Data) {
    let error = #expect(throws: InputError.self) { try MNISTPickle.decoded(data, name: "other.pkl") }
    #expect(error?.description.contains("other.pkl") == true)
  }
}

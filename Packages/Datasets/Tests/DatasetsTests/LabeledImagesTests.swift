import Datasets
import Foundation
import TensorCore
import Testing

@Suite struct LabeledImagesTests {
  // 300 images of 2 × 3, more than one task of the copy; image i has pixels i mod 256 + k.
  static let images: LabeledImages = {
    let pixels = (0..<300).flatMap { i in (0..<6).map { UInt8((i + $0) % 256) } }
    guard
      let bytes = try? ImageBytes(
        pixels: ByteTensor(shape: [300, 2, 3], scalars: pixels),
        labels: ByteTensor(shape: [300], scalars: (0..<300).map { UInt8($0 % 7) }), name: "test"),
      let images = try? LabeledImages(bytes, classNames: (0..<7).map(String.init), name: "test")
    else { fatalError("the test images are wrong") }
    return images
  }()

  // 51 / 255 and 204 / 255 are 1/5 and 4/5 to the last bit; times 1/255 would miss some by one.
  @Test func pixelsAreDividedExactly() {
    #expect(Self.images.images[51, 0, 0, 0] == 0.2)
    #expect(Self.images.images[204, 0, 0, 0] == 0.8)
    #expect(Self.images.images[255, 0, 0, 0] == 1)
    for i in 0..<256 { #expect(Self.images.images[i, 0, 0, 0] == Float(i) / Float(255)) }
  }

  @Test(arguments: [1, 2, 200]) func batchesCopyTheRightRows(size: Int) throws {
    let indices = Array(RandomKey(seed: 3).permutation(count: 300).prefix(size)) + [299, 0, 0]
    let batch = Self.images.batch(at: indices, epoch: 5)
    #expect(batch.inputs.shape == [size + 3, 1, 2, 3] && batch.indices == indices)
    for (row, index) in indices.enumerated() {
      #expect(batch.inputs[row: row] == Self.images.images[row: index])
      #expect(batch.labels[row] == index % 7)
    }
  }

  @Test func largeRowsAreCopiedToo() throws {
    let images = SyntheticDigits.images(count: 150, key: RandomKey(seed: 4))
    let order = RandomKey(seed: 5).permutation(count: 150)
    let batch = images.batch(at: order, epoch: 0)
    #expect(order.indices.allSatisfy { batch.inputs[row: $0] == images.images[row: order[$0]] })
  }

  @Test func flattenedAndPrefix() {
    let flat = Self.images.flattened
    #expect(flat.inputShape == [6] && flat.images.shape == [300, 6] && flat.labels == Self.images.labels)
    #expect(flat.batch(at: [7], epoch: 0).inputs.scalars == Self.images.images[row: 7].scalars)
    let first = flat.prefix(10)
    #expect(
      first.count == 10 && first.images == flat.images[rows: 0..<10]
        && first.labels == flat.labels[rows: 0..<10])
    #expect(flat.prefix(1000).count == 300)
    #expect(Self.images.batch(at: [], epoch: 0).count == 0)
  }

  // Indices are the last step of a sample's random keys: positions in the subset instead would change its noise.
  @Test func subsetsKeepOriginalIndices() throws {
    let outer = Self.images.subset(at: [10, 20, 30, 40])
    let inner = outer.subset(at: [3, 1])
    #expect(inner.sourceIndices == [40, 20] && inner.labels == IntTensor([40 % 7, 20 % 7]))
    let batch = try inner.batch(at: [1, 0])
    #expect(batch.indices == [20, 40] && batch.labels == IntTensor([20 % 7, 40 % 7]))
    #expect(batch.inputs[row: 0] == Self.images.images[row: 20])
    #expect(inner.classCount == 7 && inner.inputShape == [1, 2, 3])
  }

  @Test func indicesOutsideStopTheProgram() async {
    await #expect(processExitsWith: .failure) { _ = LabeledImagesTests.images.batch(at: [300], epoch: 0) }
    await #expect(processExitsWith: .failure) {
      _ = try LabeledImagesTests.images.subset(at: [1]).batch(at: [1])
    }
  }
}

import Datasets
import ImageCodecs
import TensorCore
import Testing

@Suite struct AugmentedImagesTests {
  static let images = SyntheticScenes.images(
    labels: (0..<40).map { $0 % 10 }, classNames: Sports10.classNames, side: 16, key: RandomKey(seed: 3))
  static let augmented = AugmentedImages(of: images, by: Sports10.augmentation, key: RandomKey(seed: 9))

  // Row by row: what the transform gives for key → epoch → index, divided by 255. Keys by position in the batch, or a
  // key that forgets the epoch, fail; so do samples that are not sorted by channel.
  @Test func looksDependOnSeedEpochAndSample() throws {
    let order = [7, 0, 39, 7, 12]
    let batch = try Self.augmented.batch(at: order, epoch: 4)
    #expect(batch.inputs.shape == [5, 3, 16, 16] && batch.indices == order && batch.targets == nil)
    for (row, index) in order.enumerated() {
      let key = RandomKey(seed: 9).derived(4).derived(index)
      let expected = Sports10.augmentation(Self.images.image(at: index), key: key).tensor()
      #expect(batch.inputs[row: row] == expected)
      #expect(batch.labels[row] == index % 10)
    }
    let alone = try Self.augmented.batch(at: [12], epoch: 4)
    #expect(alone.inputs[row: 0] == batch.inputs[row: 4])
    let other = try Self.augmented.batch(at: order, epoch: 5)
    #expect((0..<5).allSatisfy { other.inputs[row: $0] != batch.inputs[row: $0] })
    let otherSeed = AugmentedImages(of: Self.images, by: Sports10.augmentation, key: RandomKey(seed: 10))
    #expect(try otherSeed.batch(at: order, epoch: 4).inputs != batch.inputs)
  }

  // Prepared ahead on another thread, in another order of epochs: the same bits.
  @Test func batchesAheadAreTheSame() throws {
    let batches = ShuffledBatches(of: Self.augmented, batchSize: 8, key: RandomKey(seed: 1))
    for epoch in [2, 0] {
      var direct: [Batch] = []
      try batches.forEach(epoch: epoch) { direct.append($0) }
      var ahead: [Batch] = []
      try batches.forEach(epoch: epoch, ahead: 2) { ahead.append($0) }
      #expect(direct.map(\.inputs) == ahead.map(\.inputs) && direct.map(\.indices) == ahead.map(\.indices))
    }
  }

  // A subset keeps the original indices, so an image looks the same whether or not others were held out.
  @Test func subsetsLookTheSame() throws {
    let split = try Self.augmented.split(holdingOut: 10, key: RandomKey(seed: 2))
    #expect(split.kept.count == 30 && split.heldOut.places(of: 3).count == 1)
    let index = split.kept.sourceIndices[5]
    #expect(
      try split.kept.batch(at: [5], epoch: 1).inputs == Self.augmented.batch(at: [index], epoch: 1).inputs)
  }

  @Test func sizesMayChangeButMustAgree() throws {
    let cropped = AugmentedImages(
      of: Self.images, by: RandomCrop(width: 12, height: 10), key: RandomKey(seed: 1))
    #expect(cropped.inputShape == [3, 10, 12])
    #expect(try cropped.batch(at: [1, 2], epoch: 0).inputs.shape == [2, 3, 10, 12])

    struct Uneven: ImageTransform {
      var description: String { "uneven" }
      func callAsFunction(_ image: Image, key: RandomKey) -> Image {
        image.cropped(x: 0, y: 0, width: 4 + Int(key.bits % 3), height: 4)
      }
    }
    let uneven = AugmentedImages(of: Self.images, by: Uneven(), key: RandomKey(seed: 1))
    #expect(throws: InputError.self) { try uneven.batch(at: Array(0..<40), epoch: 0) }
  }

  // Bytes to a picture and back, for colour and for grey: a confusion of channels and columns would not survive.
  @Test func imagesAsPictures() {
    let picture = Self.images.image(at: 5)
    #expect(picture.channels == 3 && picture.tensor() == Self.images.images[row: 5])
    let digit = SyntheticDigits.images(count: 3, key: RandomKey(seed: 1))
    #expect(digit.image(at: 2).tensor() == digit.images[row: 2])
  }
}

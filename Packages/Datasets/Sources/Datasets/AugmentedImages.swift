import ImageCodecs
import TensorCore

/// Images that look a little different in each epoch.
///
///     let training = AugmentedImages(of: images, by: Sports10.augmentation, key: key.derived("augmentation"))
///
/// How image i looks in epoch e depends on `key.derived(e).derived(i)` alone: not on the batch it is in, the order, the
/// thread, or what was drawn before. The originals stay in memory as bytes; a batch is transformed on all threads, or,
/// with `TrainingLoop.prefetchedBatches`, while the step before is computed.
public struct AugmentedImages: LabeledSource {
  /// The images as they were.
  public let originals: LabeledImages
  /// What happens to each.
  public let transform: any ImageTransform
  /// Where everything random comes from.
  public let key: RandomKey
  /// The shape of one image after the transform.
  public let inputShape: Shape

  /// Images under a transform.
  ///
  /// - Precondition: the images are not flattened, have 1 or 3 channels, and there is at least one.
  public init(of originals: LabeledImages, by transform: some ImageTransform, key: RandomKey) {
    precondition(originals.count > 0, "AugmentedImages: no images")
    self.originals = originals
    self.transform = transform
    self.key = key
    let first = transform(originals.image(at: 0), key: key)
    inputShape = [first.channels, first.height, first.width]
  }

  /// How many images there are.
  public var count: Int { originals.count }

  /// How many classes there are.
  public var classCount: Int { originals.classCount }

  /// `[count]`, class indices.
  public var labels: IntTensor { originals.labels }

  /// Image `index` as it looks in an epoch.
  public func image(at index: Int, epoch: Int) -> Image {
    transform(originals.image(at: index), key: key.derived(epoch).derived(index))
  }

  /// The images with these indices, in this order, as they look in an epoch: pixels in [0, 1].
  ///
  /// - Throws: `InputError.mismatch` when the transform gives pictures of different sizes.
  public func batch(at indices: [Int], epoch: Int) throws -> Batch {
    let pixels = try PlanarImages.made(count: indices.count, shape: inputShape) {
      image(at: indices[$0], epoch: epoch)
    } checking: { place, image in
      let shape: Shape = [image.channels, image.height, image.width]
      guard shape == inputShape else {
        throw InputError(
          .mismatch, "image \(indices[place]) after \(transform)",
          expected: "\(inputShape), as the first image",
          found: "\(shape)", remedy: "Let the transform end in one size.")
      }
    }
    return Batch(
      inputs: pixels.pixels(rows: Array(0..<indices.count)), labels: labels.gathered(rows: indices),
      indices: indices)
  }
}

import ImageCodecs
import TensorCore

extension LabeledImages {
  /// One image as a picture, to look at or to transform.
  ///
  /// - Precondition: not flattened, and the index is one of an image.
  public func image(at index: Int) -> Image {
    precondition(inputShape.rank == 3, "image(at:): these images are flattened to \(inputShape)")
    precondition(index >= 0 && index < count, "image(at:): index \(index) is outside 0 ..< \(count)")
    let (channels, height, width) = (inputShape[0], inputShape[1], inputShape[2])
    let plane = height * width
    let samples = [UInt8](unsafeUninitializedCapacity: channels * plane) { target, filled in
      pixels.scalars.withUnsafeBufferPointer { source in
        for channel in 0..<channels {
          let start = (index * channels + channel) * plane
          for i in 0..<plane { target[i * channels + channel] = source[start + i] }
        }
      }
      filled = channels * plane
    }
    return Image(width: width, height: height, channels: channels, pixels: samples)
  }
}

/// Pictures of one size, made on all threads, as `[n, channels, height, width]`.
enum PlanarImages {
  /// Picture i of the result is `image(i)`.
  ///
  /// - Throws: what `image` threw for the lowest index; the others are tried nevertheless.
  static func made(
    count: Int, shape: Shape, _ image: (Int) throws -> Image, checking check: (Int, Image) throws -> Void
  ) throws -> ByteTensor {
    let size = shape.count
    var failures = [(any Error)?](repeating: nil, count: count)
    let samples = [UInt8](unsafeUninitializedCapacity: count * size) { target, filled in
      target.initialize(repeating: 0)
      failures.withUnsafeMutableBufferPointer { failures in
        ThreadPool.run(tasks: count) { i in
          do {
            let image = try image(i)
            try check(i, image)
            let place = UnsafeMutableBufferPointer(rebasing: target[(i * size)..<((i + 1) * size)])
            separate(image, into: place)
          } catch {
            failures[i] = error
          }
        }
      }
      filled = count * size
    }
    if let failure = failures.lazy.compactMap({ $0 }).first { throw failure }
    return ByteTensor(shape: Shape([count] + shape.dimensions), scalars: samples)
  }

  /// Sorts a picture's samples by channel.
  private static func separate(_ image: Image, into target: UnsafeMutableBufferPointer<UInt8>) {
    let plane = image.width * image.height
    image.pixels.withUnsafeBufferPointer { source in
      for channel in 0..<image.channels {
        for i in 0..<plane { target[channel * plane + i] = source[i * image.channels + channel] }
      }
    }
  }
}

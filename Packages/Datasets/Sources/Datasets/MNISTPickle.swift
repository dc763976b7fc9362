import Foundation
import TensorCore

/// MNIST as `mnist.pkl.gz` has it: a tuple of training, validation and test pairs, each of images `[n, 784]` as
/// value / 256 and labels `[n]`. Training and then validation images are the original training images in order.
///
/// Source: the file of the Theano "Deep Learning Tutorials", which is passed on in Python packages.
public enum MNISTPickle {
  /// The original training and test images in a file.
  ///
  /// - Throws: `InputError.missing` when it cannot be read, else as `decoded(_:name:)`.
  public static func read(_ url: URL) throws -> (train: ImageBytes, test: ImageBytes) {
    try decoded(DataFile.contents(of: url), name: url.lastPathComponent)
  }

  /// The original training and test images in a file's bytes.
  ///
  /// - Parameters:
  ///   - data: the pickle, plain or gzip. It is read as data; nothing in it can run.
  ///   - name: the file's name, for error messages.
  /// - Throws: `InputError` when the file is damaged, is another pickle, or holds pixels that are not n / 256.
  public static func decoded(_ data: Data, name: String) throws -> (train: ImageBytes, test: ImageBytes) {
    let pickle = try Unpickler().value(from: DataFile.decompressed(data, name: name), name: name)
    guard let pairs = pickle.elements, pairs.count == 3 else {
      throw InputError(
        .mismatch, name, expected: "a pickled tuple of training, validation and test images",
        found: pickle.elements.map { "a tuple of \($0.count)" } ?? pickle.kind)
    }
    let parts = try zip(pairs, ["training", "validation", "test"]).map { pair, part in
      try images(pair, name: "the \(part) images of \(name)")
    }
    return (train: try parts[0].joined(with: parts[1], name: name), test: parts[2])
  }

  private static func images(_ pair: PickleValue, name: String) throws -> ImageBytes {
    guard let elements = pair.elements, elements.count == 2, case .array(let pixels) = elements[0],
      case .array(let labels) = elements[1]
    else { throw InputError(.mismatch, name, expected: "a pair of arrays", found: pair.kind) }
    guard pixels.shape.rank == 2, pixels.shape[1] == 28 * 28 else {
      throw InputError(.mismatch, name, expected: "an array [n, 784]", found: "\(pixels.shape)")
    }
    return try ImageBytes(
      pixels: ByteTensor(shape: [pixels.shape[0], 28, 28], scalars: bytes(of: pixels.tensor(), name: name)),
      labels: labels.byteTensor(name: name), name: name)
  }

  private static func bytes(of pixels: Tensor, name: String) throws -> [UInt8] {
    var offender: Float?
    let bytes = pixels.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
        for i in 0..<source.count {
          // A multiple of 1/256 below 1 is exact in a float; anything else did not come from a byte.
          let scaled = source[i] * 256
          let fits = scaled >= 0 && scaled <= 255 && scaled == scaled.rounded(.towardZero)
          if !fits { offender = source[i] }
          target[i] = fits ? UInt8(scaled) : 0
        }
        count = source.count
      }
    }
    if let offender {
      throw InputError(
        .outOfRange, name, expected: "pixels n / 256 with n from 0 to 255", found: "\(offender)")
    }
    return bytes
  }
}

import ImageCodecs
import TensorCore

/// Every image written as JPEG and read again: pixels are rounded to bytes, and what the quality does not keep is lost.
///
/// Source: Dziugaite, Ghahramani, Roy, "A Study of the Effect of JPG Compression on Adversarial Images", 2016.
public struct JPEGCompression: InputTransformation, Hashable {
  /// libjpeg's scale, from 1, the smallest file, to 100.
  public var quality: Int
  /// Whether two by two pixels share their colour differences, as is usual.
  public var subsamplesColor: Bool

  /// Compression.
  ///
  /// - Precondition: 1 ≤ quality ≤ 100.
  public init(quality: Int = 75, subsamplesColor: Bool = true) {
    precondition((1...100).contains(quality), "JPEGCompression: quality \(quality) is outside 1...100")
    self.quality = quality
    self.subsamplesColor = subsamplesColor
  }

  /// The images as a reader of the files sees them, `[n, channels, height, width] → [n, channels, height, width]`.
  ///
  /// - Precondition: 1 or 3 channels, and no side is longer than 65,535 pixels.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(
      x.rank == 4 && (x.shape[1] == 1 || x.shape[1] == 3),
      "JPEGCompression: \(x.shape) is not [n, 1 or 3, height, width]")
    let size = x.shape.removing(axis: 0).count
    return Tensor(shape: x.shape) { values in
      ThreadPool.run(tasks: x.shape[0]) { row in
        compressed(x[row: row]).withUnsafeBufferPointer { image in
          for i in 0..<size { values[row * size + i] = image[i] }
        }
      }
    }
  }

  private func compressed(_ image: Tensor) -> Tensor {
    do {
      let data = try Image(image).jpegData(quality: quality, subsamplesColor: subsamplesColor)
      return try Image(jpegData: data, name: "a compressed image").tensor()
    } catch {
      preconditionFailure("JPEGCompression: \(image.shape): \(error)")
    }
  }

  /// The quality.
  public var description: String {
    "JPEG quality \(quality)" + (subsamplesColor ? "" : " without colour subsampling")
  }
}

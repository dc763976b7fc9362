import Foundation
import ImageCodecs
import TensorCore

/// A folder with a folder of PNG and JPEG files for each class: `<root>/<class>/<image>`.
///
/// Classes and files are in the order of their names, as torchvision's `ImageFolder` has them, so a class's number is
/// its name's place. Hidden files and files that are no images (by their ending) are passed over; pictures of other
/// formats are refused, because leaving them out would change the data set.
public struct ImageFolder: Sendable, Hashable {
  /// One image file.
  public struct File: Sendable, Hashable {
    /// Where it is.
    public let url: URL
    /// The class's folder and the file's name, with a slash.
    public let name: String
    /// The class.
    public let label: Int
  }

  /// The folder of the classes' folders.
  public let url: URL
  /// The classes' names, in alphabetical order.
  public let classNames: [String]
  /// The image files, by class, then by name.
  public let files: [File]

  /// Lists a folder; no image is read.
  ///
  /// - Parameters:
  ///   - url: the folder of the classes' folders.
  ///   - classNames: what the classes must be; nil accepts those there are.
  /// - Throws: `InputError` naming the path: `.missing` when there is no folder, no class, or no image in a class;
  ///   `.mismatch` for other classes than asked for; `.unsupported` for other picture formats and folders in a class.
  public init(at url: URL, classNames: [String]? = nil) throws {
    let folders = try Self.contents(of: url).filter { Self.isFolder($0) }
    guard !folders.isEmpty else {
      throw InputError(.missing, url.path, expected: "a folder for each class", found: "no folder in it")
    }
    let names = folders.map(\.lastPathComponent)
    if let classNames { try Self.compare(names, with: classNames, in: url, reference: "the data set") }
    self.url = url
    self.classNames = names
    files = try folders.enumerated().flatMap { label, folder in
      let images = try Self.images(in: folder)
      guard !images.isEmpty else {
        throw InputError(
          .missing, folder.path, expected: "PNG or JPEG files", found: "none",
          remedy: "Add images of this class, or remove its folder.")
      }
      return images.map {
        File(url: $0, name: "\(folder.lastPathComponent)/\($0.lastPathComponent)", label: label)
      }
    }
  }

  private init(_ files: [File], of other: ImageFolder) {
    url = other.url
    classNames = other.classNames
    self.files = files
  }

  /// How many images there are.
  public var count: Int { files.count }

  /// `[count]`, class indices.
  public var labels: IntTensor { IntTensor(files.map(\.label)) }

  /// The folder without the files that do not fulfil the condition; classes keep their numbers.
  public func filtered(_ isKept: (File) -> Bool) -> ImageFolder {
    ImageFolder(files.filter(isKept), of: self)
  }

  /// Reads all images, once: decodes them on all threads, makes them RGB, and resizes them. What is kept is the
  /// resized bytes, `[count, 3, height, width]`, in the order of `files`.
  ///
  /// - Parameter resize: the size of all; nil when they already have one size.
  /// - Throws: `InputError` naming the file: what `Image(contentsOf:)` throws, `.mismatch` without `resize` for an
  ///   image of another size than the first.
  public func images(resizedBy resize: Resize? = nil) throws -> LabeledImages {
    guard let first = files.first else {
      throw InputError(.missing, url.path, expected: "an image", found: "none")
    }
    let size: Resize
    if let resize {
      size = resize
    } else {
      let image = try Image(contentsOf: first.url)
      size = Resize(width: image.width, height: image.height)
    }
    let pixels = try PlanarImages.made(count: count, shape: [3, size.height, size.width]) {
      let image = try Image(contentsOf: files[$0].url).rgb
      return resize == nil ? image : size(image, key: RandomKey(seed: 0))
    } checking: { place, image in
      guard image.width == size.width, image.height == size.height else {
        throw InputError(
          .mismatch, files[place].url.path, expected: "\(size.width) × \(size.height), as the first image",
          found: "\(image.width) × \(image.height)", remedy: "Ask for a size.")
      }
    }
    return try LabeledImages(pixels: pixels, labels: labels, classNames: classNames, name: url.path)
  }

  /// Refuses a folder whose classes are not those of a reference.
  static func compare(_ names: [String], with expected: [String], in url: URL, reference: String) throws {
    if let lacking = expected.first(where: { !names.contains($0) }) {
      throw InputError(
        .mismatch, url.appendingPathComponent(lacking).path,
        expected: "a folder for the class \(lacking), which \(reference) has", found: "no such folder")
    }
    if let extra = names.first(where: { !expected.contains($0) }) {
      throw InputError(
        .mismatch, url.appendingPathComponent(extra).path, expected: "the classes of \(reference) only",
        found: "the class \(extra)")
    }
  }

  /// Names without hidden ones, sorted.
  private static func contents(of url: URL) throws -> [URL] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: url.path).filter { !$0.hasPrefix(".") }
        .sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }.map {
          url.appendingPathComponent($0)
        }
    } catch {
      throw InputError(
        .missing, url.path, expected: "a folder that can be read",
        found: DataFile.exists(url) ? "none that can" : "no such folder", remedy: "Check the path.")
    }
  }

  private static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  private static func images(in folder: URL) throws -> [URL] {
    try contents(of: folder).filter { url in
      let ending = url.pathExtension.lowercased()
      if isFolder(url)
        || ["gif", "bmp", "webp", "tif", "tiff", "heic", "avif", "jxl", "ppm"].contains(ending)
      {
        throw InputError(
          .unsupported, url.path, expected: "PNG and JPEG files only",
          found: isFolder(url) ? "a folder" : "a picture of another format", remedy: "Convert or remove it.")
      }
      return ["png", "jpg", "jpeg"].contains(ending)
    }
  }
}

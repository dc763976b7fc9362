import Foundation

/// The one entry of a camera's notes (EXIF) that changes what a picture shows.
enum EXIF {
  /// The orientation that a JPEG file states, 1 to 8; 1, upright, when it states none that can be read.
  static func orientation(inJPEG data: Data) -> Int {
    var rest = data.dropFirst(2)
    // A chain of segments, each with its length, up to the first scan (DA) or the end (D9).
    while rest.count >= 4, rest.first == 0xff {
      rest = rest.dropFirst()
      guard let marker = rest.first, marker != 0xda, marker != 0xd9 else { return 1 }
      if marker == 0xff { continue }  // a fill byte
      rest = rest.dropFirst()
      guard let length = number(in: rest, at: 0, byteCount: 2, isBigEndian: true), length >= 2 else {
        return 1
      }
      let payload = rest.dropFirst(2).prefix(length - 2)
      if marker == 0xe1, payload.starts(with: Array("Exif\0\0".utf8)) {
        return orientation(inTIFF: payload.dropFirst(6))
      }
      rest = rest.dropFirst(length)
    }
    return 1
  }

  /// The same for a PNG file, whose `eXIf` chunk holds it.
  static func orientation(inPNG data: Data) -> Int {
    var rest = data.dropFirst(8)
    while let length = number(in: rest, at: 0, byteCount: 4, isBigEndian: true), rest.count >= 12 {
      if rest.dropFirst(4).starts(with: Array("eXIf".utf8)) {
        return orientation(inTIFF: rest.dropFirst(8).prefix(length))
      }
      rest = rest.dropFirst(12 + length)
    }
    return 1
  }

  /// Tag 0x0112 of the first directory: a 16-bit number.
  private static func orientation(inTIFF data: Data) -> Int {
    let isBigEndian = data.starts(with: Array("MM".utf8))
    guard isBigEndian || data.starts(with: Array("II".utf8)),
      let directory = number(in: data, at: 4, byteCount: 4, isBigEndian: isBigEndian),
      let count = number(in: data, at: directory, byteCount: 2, isBigEndian: isBigEndian)
    else { return 1 }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(in: data, at: place, byteCount: 2, isBigEndian: isBigEndian) else { return 1 }
      if tag == 0x0112 {
        let value = number(in: data, at: place + 8, byteCount: 2, isBigEndian: isBigEndian)
        return value.flatMap { (1...8).contains($0) ? $0 : nil } ?? 1
      }
    }
    return 1
  }

  private static func number(in data: Data, at place: Int, byteCount: Int, isBigEndian: Bool) -> Int? {
    guard place >= 0, place <= data.count - byteCount else { return nil }
    let bytes = data.dropFirst(place).prefix(byteCount)
    return (isBigEndian ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | Int($1) }
  }
}

extension Image {
  /// The picture upright, given how it is stored.
  ///
  /// - Parameter orientation: EXIF's number: 1 upright, 2 mirrored, 3 turned by 180°, 4 mirrored top to bottom,
  ///   5 transposed, 6 to be turned clockwise, 7 transposed along the other diagonal, 8 to be turned counterclockwise.
  func oriented(_ orientation: Int) -> Image {
    if orientation == 1 { return self }
    let swapsAxes = orientation >= 5
    let (newWidth, newHeight) = swapsAxes ? (height, width) : (width, height)
    var turned: [UInt8] = []
    turned.reserveCapacity(pixels.count)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        // Where this pixel is stored: columns count from the right for some, rows from the bottom for others.
        let (u, v) = swapsAxes ? (y, x) : (x, y)
        let column = [2, 3, 7, 8].contains(orientation) ? width - 1 - u : u
        let row = [3, 4, 6, 7].contains(orientation) ? height - 1 - v : v
        let start = (row * width + column) * channels
        turned += pixels[start..<(start + channels)]
      }
    }
    return Image(width: newWidth, height: newHeight, channels: channels, pixels: turned)
  }
}

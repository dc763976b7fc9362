import Foundation

/// An event of TensorBoard in protocol-buffer form, framed as a TFRecord.
///
///     Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
///     Summary { repeated Value value = 1; }   Value { string tag = 1; float simple_value = 2; }
///     record  = length (8 bytes) · masked CRC of it (4) · event · masked CRC of it (4), all little-endian
///
/// Source: TensorFlow, `event.proto`, `summary.proto`, `record_writer.cc`.
enum TensorBoardEvent {
  /// The first record of every file.
  static func version(wallTime: Double) -> Data {
    framed(wallTimeField(wallTime) + bytesField(3, Array("brain.Event:2".utf8)))
  }

  /// One number.
  static func scalar(tag: String, value: Float, step: Int, wallTime: Double) -> Data {
    let entry = bytesField(1, Array(tag.utf8)) + [UInt8(2 << 3 | 5)] + littleEndian(value.bitPattern)
    return framed(wallTimeField(wallTime) + stepField(step) + bytesField(5, bytesField(1, entry)))
  }

  private static func framed(_ event: [UInt8]) -> Data {
    let length = littleEndian(UInt64(event.count))
    return Data(
      length + littleEndian(CRC32C.masked(length)) + event + littleEndian(CRC32C.masked(event)))
  }

  private static func wallTimeField(_ seconds: Double) -> [UInt8] {
    [UInt8(1 << 3 | 1)] + littleEndian(seconds.bitPattern)
  }

  /// Step 0 is the default and is left out, as protocol buffers do.
  private static func stepField(_ step: Int) -> [UInt8] {
    step == 0 ? [] : [UInt8(2 << 3)] + variableLength(UInt64(bitPattern: Int64(step)))
  }

  private static func bytesField(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + variableLength(UInt64(bytes.count)) + bytes
  }

  private static func variableLength(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 128 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
}

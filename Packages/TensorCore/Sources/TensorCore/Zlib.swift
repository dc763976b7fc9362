internal import CZlib
import Foundation

/// Deflate compression, as gzip, zlib and zip files hold it.
public enum Zlib {
  /// What stands around the deflate stream.
  public enum Format: Sendable, CaseIterable {
    /// RFC 1952: header, CRC-32 and length; a file may hold several members in a row.
    case gzip
    /// RFC 1950: two bytes of header and an Adler-32.
    case zlib
    /// RFC 1951: nothing, as in the entries of a zip archive.
    case raw

    fileprivate var windowBits: Int32 {
      switch self {
      case .gzip: MAX_WBITS + 16
      case .zlib: MAX_WBITS
      case .raw: -MAX_WBITS
      }
    }
  }

  /// The decompressed bytes; checksums are verified.
  ///
  /// Of several gzip members the contents are joined; zeros that pad a gzip file are ignored, as gzip does.
  ///
  /// - Parameters:
  ///   - data: one whole compressed stream.
  ///   - format: what stands around it.
  ///   - name: the file's name, for error messages.
  ///   - limit: the most bytes that may come out. Deflate packs 1,032 to 1, so a small damaged or hostile
  ///     file could otherwise fill the memory.
  /// - Throws: `InputError.damaged` when the stream is cut short, contradicts its format or its checksum,
  ///   goes on after its end, or holds more than `limit` bytes.
  public static func inflated(_ data: Data, format: Format, name: String, limit: Int) throws -> Data {
    precondition(limit >= 0, "inflated: limit \(limit) is negative")
    var stream = z_stream()
    guard
      inflateInit2_(&stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw damaged(name, "memory to decompress it", "none") }
    defer { inflateEnd(&stream) }
    return try data.withUnsafeBytes { (input: UnsafeRawBufferPointer) in
      var reader = StreamReader(input: input, format: format, name: name, limit: limit)
      return try reader.read(&stream)
    }
  }

  /// The compressed bytes. The same input always gives the same output: a gzip header carries no name and no
  /// time.
  ///
  /// - Precondition: `level` is 0 (stored) to 9 (smallest).
  public static func deflated(_ data: Data, format: Format, level: Int = 6) -> Data {
    precondition((0...9).contains(level), "deflated: level \(level) is outside 0...9")
    var stream = z_stream()
    let status = deflateInit2_(
      &stream, Int32(level), Z_DEFLATED, format.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "deflated: zlib could not start, status \(status)")
    defer { deflateEnd(&stream) }
    var output = Data()
    let chunk = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: chunkSize)
    defer { chunk.deallocate() }
    data.withUnsafeBytes { (input: UnsafeRawBufferPointer) in
      var consumed = 0
      var isFinished = false
      while !isFinished {
        let piece = piece(of: input, from: consumed)
        stream.next_in = piece.start
        stream.avail_in = piece.count
        let flush = consumed + Int(piece.count) == input.count ? Z_FINISH : Z_NO_FLUSH
        repeat {
          stream.next_out = chunk.baseAddress
          stream.avail_out = UInt32(chunkSize)
          isFinished = deflate(&stream, flush) == Z_STREAM_END
          output.append(chunk.baseAddress!, count: chunkSize - Int(stream.avail_out))
        } while stream.avail_out == 0 && !isFinished
        consumed += Int(piece.count)
      }
    }
    return output
  }

  /// The CRC-32 that gzip and zip store.
  public static func crc32(_ data: Data) -> UInt32 {
    data.withUnsafeBytes { UInt32(crc32_z(0, $0.bindMemory(to: UInt8.self).baseAddress, $0.count)) }
  }

  private static let chunkSize = 1 << 16

  // zlib counts its input in 32 bits, so longer input is handed over in pieces.
  private static func piece(
    of input: UnsafeRawBufferPointer, from start: Int
  ) -> (start: UnsafeMutablePointer<UInt8>?, count: UInt32) {
    let count = min(input.count - start, 1 << 30)
    guard count > 0, let base = input.baseAddress else { return (nil, 0) }
    // zlib declares its input mutable but only reads it.
    let bytes = UnsafeMutableRawPointer(mutating: base + start).assumingMemoryBound(to: UInt8.self)
    return (bytes, UInt32(count))
  }

  private static func damaged(_ name: String, _ expected: String, _ found: String) -> InputError {
    InputError(
      .damaged, name, expected: expected, found: found, remedy: "Fetch or write the file again.")
  }

  private struct StreamReader {
    let input: UnsafeRawBufferPointer
    let format: Format
    let name: String
    let limit: Int
    var consumed = 0
    var output = Data()

    mutating func read(_ stream: inout z_stream) throws -> Data {
      let chunk = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: chunkSize)
      defer { chunk.deallocate() }
      while true {
        let piece = piece(of: input, from: consumed)
        stream.next_in = piece.start
        stream.avail_in = piece.count
        stream.next_out = chunk.baseAddress
        stream.avail_out = UInt32(chunkSize)
        let status = inflate(&stream, Z_NO_FLUSH)
        let produced = chunkSize - Int(stream.avail_out)
        let used = Int(piece.count - stream.avail_in)
        consumed += used
        guard produced <= limit - output.count else {
          throw damaged(name, "at most \(limit) bytes after decompression", "more")
        }
        output.append(chunk.baseAddress!, count: produced)
        switch status {
        case Z_STREAM_END:
          guard try hasAnotherMember() else { return output }
          inflateReset(&stream)
        case Z_OK where used > 0 || produced > 0: continue
        case Z_OK, Z_BUF_ERROR:
          throw damaged(name, "a whole compressed stream", "an end after \(input.count) bytes")
        case Z_NEED_DICT:
          throw InputError(
            .unsupported, name, expected: "a stream without a preset dictionary", found: "one that needs one")
        default:
          let reason = stream.msg.map { String(cString: $0) } ?? "status \(status)"
          throw damaged(name, "a valid compressed stream", "\(reason) near byte \(consumed)")
        }
      }
    }

    private func hasAnotherMember() throws -> Bool {
      if consumed == input.count { return false }
      if format == .gzip {
        if input[consumed] == 0x1f { return true }
        if input[consumed...].allSatisfy({ $0 == 0 }) { return false }
      }
      throw damaged(
        name, "the end of the file after the compressed stream", "\(input.count - consumed) more bytes")
    }
  }
}

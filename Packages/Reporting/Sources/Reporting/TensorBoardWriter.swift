import Foundation
import Synchronization
import TensorCore

/// An event file that TensorBoard reads: scalars by tag and step, appended one record at a time, so that TensorBoard
/// can watch a run and a crash loses nothing that was written.
///
/// With a fixed start time, host and clock the same run writes the same bytes.
public final class TensorBoardWriter: Sendable {
  /// The file: `events.out.tfevents.<start in seconds>.<host>`.
  public let url: URL
  private let clock: @Sendable () -> Double
  private let file: Mutex<FileHandle?>

  /// Makes the folder and the file; a file of the same name is replaced.
  ///
  /// - Parameters:
  ///   - folder: the run's folder; its name is the run's name in TensorBoard.
  ///   - startTime: seconds since 1970; nil asks the clock.
  ///   - host: the machine's name as it stands in the file's name; characters other than letters, digits, `-`, `.`
  ///     and `_` become `-`.
  ///   - clock: seconds since 1970, asked once an event.
  /// - Throws: `InputError.unwritable` naming the path.
  public init(
    folder: URL, startTime: Double? = nil, host: String = ProcessInfo.processInfo.hostName,
    clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
  ) throws {
    let start = startTime ?? clock()
    let safeHost = host.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) ? $0 : "-" }
    let digits = "\(Int64(start))"
    let seconds = String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    url = folder.appendingPathComponent("events.out.tfevents.\(seconds).\(String(safeHost))")
    self.clock = clock
    try AtomicFile.write(TensorBoardEvent.version(wallTime: start), to: url)
    do {
      let handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
      file = Mutex(handle)
    } catch {
      throw TensorBoardWriter.unwritable(url, error)
    }
  }

  /// Appends one number.
  ///
  /// - Parameters:
  ///   - tag: the curve's name; a slash makes a group, `loss/train`.
  ///   - step: epoch or step, 0 or more.
  ///   - wallTime: seconds since 1970; nil asks the clock.
  /// - Throws: `InputError.unwritable` when the disk is full or the writer was closed.
  public func addScalar(_ tag: String, _ value: Float, step: Int, wallTime: Double? = nil) throws {
    precondition(step >= 0, "TensorBoardWriter: step \(step) of \"\(tag)\" is negative")
    let record = TensorBoardEvent.scalar(tag: tag, value: value, step: step, wallTime: wallTime ?? clock())
    do {
      try file.withLock { handle in
        guard let handle else { throw CocoaError(.fileWriteUnknown) }
        try handle.write(contentsOf: record)
      }
    } catch {
      throw TensorBoardWriter.unwritable(url, error)
    }
  }

  /// Closes the file; later events are refused.
  ///
  /// - Throws: `InputError.unwritable` when the system cannot finish writing.
  public func close() throws {
    do {
      try file.withLock { handle in
        try handle?.synchronize()
        try handle?.close()
        handle = nil
      }
    } catch {
      throw TensorBoardWriter.unwritable(url, error)
    }
  }

  private static func unwritable(_ url: URL, _ error: any Error) -> InputError {
    InputError(
      .unwritable, url.path, expected: "an open event file", found: error.localizedDescription,
      remedy: "Choose another folder, or free space and permissions there.")
  }
}

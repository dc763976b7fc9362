import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a progress line is written.
public struct ProgressOutput: Sendable {
  /// True when a line can be redrawn in place.
  public let isTerminal: Bool
  /// Characters in a line of the terminal, asked at every drawing since windows change.
  public let width: @Sendable () -> Int
  /// Writes text as it is.
  public let write: @Sendable (String) -> Void

  /// An output of one's own, for tests and other windows.
  public init(
    isTerminal: Bool, width: @escaping @Sendable () -> Int = { 80 },
    write: @escaping @Sendable (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.width = width
    self.write = write
  }

  /// Writes nothing.
  public static let silent = ProgressOutput(isTerminal: false) { _ in }

  /// The process's standard error.
  public static let standardError = ProgressOutput(
    isTerminal: isatty(STDERR_FILENO) != 0,
    width: {
      var size = winsize()
      return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    },
    // A closed standard error must not end a computation.
    write: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
}

import Foundation

/// A value from a file, a data set, an option or a model that cannot be used: what, where, what was expected, what
/// was found, and what to do. Mistakes in calling code (shapes, ranks, indices) are preconditions instead.
///
///     throw InputError(
///       .damaged, "train-images-idx3-ubyte", expected: "47040016 bytes", found: "9437184", remedy: "Fetch it again.")
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible, LocalizedError {
  /// What kind of failure it is, for code that reacts to it.
  public enum Kind: String, Sendable, CaseIterable {
    /// A file, folder, name or value is not there.
    case missing
    /// A file's bytes contradict its format: cut short, a wrong magic number, a wrong checksum.
    case damaged
    /// A well-formed file or value of a kind that this software does not handle.
    case unsupported
    /// A value outside its allowed range, or not finite.
    case outOfRange
    /// Two things that must agree do not: a shape, a name, a recorded accuracy.
    case mismatch
    /// A place that cannot be written.
    case unwritable
  }

  /// What kind of failure it is.
  public let kind: Kind
  /// The file, option, tensor or sample that is wrong.
  public let subject: String
  /// What a usable value would have been.
  public let expected: String
  /// What stood there.
  public let found: String
  /// What the user can do, a whole sentence; empty where nothing general can be said.
  public let remedy: String

  /// An error with all its parts.
  public init(_ kind: Kind, _ subject: String, expected: String, found: String, remedy: String = "") {
    self.kind = kind
    self.subject = subject
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  /// One sentence, and the remedy as a second one.
  public var description: String {
    "\(subject): expected \(expected), found \(found)." + (remedy.isEmpty ? "" : " \(remedy)")
  }

  /// The same text for `localizedDescription`.
  public var errorDescription: String? { description }
}

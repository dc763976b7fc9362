import Foundation

/// Reads Python pickles, protocols 0 to 5, as plain data; no file can make it run anything.
///
/// A pickle is a program that names Python functions and calls them. Here a name that is not on the allow-list
/// ends the reading, and a call to an allowed one is only recorded. The records of NumPy arrays become
/// `PickleValue.array`, those of other allowed names stay `PickleValue.object` for the caller to interpret.
///
///     let pickle = try Unpickler().value(from: Data(contentsOf: url), name: "mnist.pkl")
public struct Unpickler: Sendable {
  /// How much a pickle may ask for. Everything is bounded by the file's size as well.
  public struct Limits: Sendable {
    /// Most instructions; each makes at most one value.
    public var instructions = 4_000_000
    /// Deepest nesting of lists, tuples, dictionaries and calls.
    public var depth = 64
    /// Most values, those shared through the memo counted at each place where they appear.
    public var values = 16_000_000

    /// The usual limits.
    public init() {}
  }

  /// What NumPy's arrays and Python's bytes need, under the names of Python 2 and 3, NumPy 1 and 2.
  public static let arrayGlobals: Set<String> = [
    "numpy.ndarray", "numpy.dtype", "_codecs.encode", "builtins.bytes", "__builtin__.bytes",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
  ]

  /// The names, `module.name`, that a pickle may contain.
  public let allowedGlobals: Set<String>
  /// Whether references to data outside the pickle are read (as `PickleValue.persistent`) or refused.
  public let allowsPersistentIdentifiers: Bool
  /// The bounds on what is read.
  public let limits: Limits

  /// A reader that allows these names besides `arrayGlobals`.
  public init(
    alsoAllowing globals: Set<String> = [], allowsPersistentIdentifiers: Bool = false,
    limits: Limits = Limits()
  ) {
    allowedGlobals = Self.arrayGlobals.union(globals)
    self.allowsPersistentIdentifiers = allowsPersistentIdentifiers
    self.limits = limits
  }

  /// The value of a pickle.
  ///
  /// - Parameters:
  ///   - data: the whole pickle, not compressed; byte strings of the result share its memory.
  ///   - name: the file's name, for error messages.
  /// - Throws: `InputError.damaged` when it is cut short or inconsistent; `.unsupported` for names that are not
  ///   allowed, for arrays of objects or records, and beyond the limits.
  public func value(from data: Data, name: String) throws -> PickleValue {
    try data.withUnsafeBytes { bytes in
      var machine = PickleMachine(
        unpickler: self, cursor: PickleCursor(data: data, bytes: bytes, name: name))
      let result = try machine.run()
      var assembly = PickleAssembly(containers: machine.containers, limits: limits, name: name)
      return try assembly.value(of: result)
    }
  }
}

import Foundation
import TensorCore

/// The content of `metrics.json`: how a run was made and everything that it measured.
///
///     { "program", "profile", "settings", "environment", "seeds", "synthetic", "headline", "files", "figures", "tables" }
///
/// `ResultsFolder` reads it.
public struct Metrics: Sendable {
  /// The program's name, `mnist-mlp`.
  public let program: String
  /// `quick` or `full`.
  public let profile: String
  /// Every setting that shapes the result, by name.
  public var settings: JSONObject
  /// Where the run happened.
  public let environment: RunEnvironment
  /// The seeds that the run started from.
  public let seeds: [UInt64]
  /// True when the data were drawn by the program and not photographed or written by anyone.
  public let isSynthetic: Bool
  /// The values that matter most, by name, in order.
  public private(set) var headline: [(name: String, value: Double)] = []
  /// The files that the run wrote beside this one, below its folder.
  public var files: [String] = []
  /// The report's figures in order: their files and captions.
  public private(set) var figures: [(file: String, caption: String)] = []
  /// The tables, in order.
  public private(set) var tables: [Table] = []

  /// Metrics without results.
  public init(
    program: String, profile: String, settings: JSONObject = JSONObject(), environment: RunEnvironment,
    seeds: [UInt64], isSynthetic: Bool
  ) {
    self.program = program
    self.profile = profile
    self.settings = settings
    self.environment = environment
    self.seeds = seeds
    self.isSynthetic = isSynthetic
  }

  /// Adds a headline value; rates are fractions, times seconds.
  ///
  /// - Throws: `InputError.outOfRange` when the value is not finite, since `null` would hide a broken run.
  /// - Precondition: the name is new.
  public mutating func addHeadline(_ name: String, _ value: Double) throws {
    precondition(!headline.contains { $0.name == name }, "Metrics: headline \"\(name)\" was added before")
    guard value.isFinite else {
      throw InputError(
        .outOfRange, "headline value \(name) of \(program)", expected: "a finite number",
        found: NumberText.plain(value))
    }
    headline.append((name, value))
  }

  /// Adds a count as a headline value.
  ///
  /// - Precondition: the name is new.
  public mutating func addHeadline(_ name: String, _ value: Int) throws {
    try addHeadline(name, Double(value))
  }

  /// Adds a figure.
  public mutating func addFigure(file: String, caption: String) { figures.append((file, caption)) }

  /// Adds a table.
  public mutating func add(_ table: Table) { tables.append(table) }

  /// The whole document.
  public var json: JSONValue {
    var values = JSONObject()
    for (name, value) in headline {
      values[name] = Int(exactly: value).map { .integer($0) } ?? .number(value)
    }
    return [
      "program": .string(program),
      "profile": .string(profile),
      "synthetic": .bool(isSynthetic),
      "headline": .object(values),
      "settings": .object(settings),
      // Seeds beyond Int64 are text: most JSON readers would round them.
      "seeds": .array(seeds.map { seed in Int(exactly: seed).map { .integer($0) } ?? .string("\(seed)") }),
      "environment": environment.json,
      "files": .strings(files),
      "figures": .array(figures.map { ["file": .string($0.file), "caption": .string($0.caption)] }),
      "tables": .array(tables.map(\.json)),
    ]
  }

  /// How the run was made, for the report: profile, data, seeds, settings, environment, a row each.
  public var runTable: Table {
    var table = Table("How this run was made", columns: ["What", "Value"])
    func append(_ name: String, _ value: JSONValue) {
      let text: String =
        switch value {
        case .string(let text): text
        case .null: "unknown"
        default: value.document.trimmingCharacters(in: .whitespacesAndNewlines)
        }
      table.append([.text(name), .text(text)])
    }
    append("program", .string(program))
    append("profile", .string(profile))
    append("data", .string(isSynthetic ? "synthetic" : "real"))
    append("seeds", .string(seeds.map(String.init).joined(separator: ", ")))
    for (name, value) in settings.members { append(name, value) }
    if case .object(let parts) = environment.json {
      for (name, value) in parts.members { append(name, value) }
    }
    return table
  }

  /// Writes `metrics.json`, whole or not at all.
  ///
  /// - Throws: `InputError.unwritable` naming the path.
  public func write(to url: URL) throws { try AtomicFile.write(json.document, to: url) }
}

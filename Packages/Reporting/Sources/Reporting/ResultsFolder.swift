import Foundation
import TensorCore

/// What an earlier run left in its folder: `metrics.json` and the files that it names.
public struct ResultsFolder: Sendable {
  /// The folder.
  public let url: URL
  /// The program that wrote it.
  public let program: String
  /// `quick` or `full`.
  public let profile: String
  /// Whether the data were drawn by the program.
  public let isSynthetic: Bool
  /// The headline values, in order.
  public let headline: [(name: String, value: Double)]
  /// The settings, by name.
  public let settings: JSONObject
  /// The tables, in order. Numbers have lost their formats: shares are fractions unless they are counted rates.
  public let tables: [Table]
  /// The report's figures, in order.
  public let figures: [(file: String, caption: String)]
  /// The files beside `metrics.json`, below the folder.
  public let files: [String]
  /// The command that makes the folder.
  public let command: String

  /// Reads a folder.
  ///
  /// - Parameter command: what makes it, for error messages: `sports classify --profile full`.
  /// - Throws: `InputError.missing` naming the folder and the command when there is no finished run; `.damaged` for a
  ///   `metrics.json` that cannot be read.
  public init(_ url: URL, madeBy command: String) throws {
    let place = url.appendingPathComponent("metrics.json")
    guard let data = FileManager.default.contents(atPath: place.path) else {
      throw InputError(
        .missing, url.path, expected: "the results of `\(command)`", found: "no metrics.json",
        remedy: "Run `\(command)` first.")
    }
    let metrics = try JSONValue(parsing: data, name: place.path)
    func damaged(_ expected: String) -> InputError {
      InputError(
        .damaged, place.path, expected: expected, found: "something else", remedy: "Run `\(command)` again.")
    }
    guard let program = metrics["program"]?.text, let profile = metrics["profile"]?.text,
      case .object(let headline)? = metrics["headline"], case .object(let settings)? = metrics["settings"],
      case .array(let tables)? = metrics["tables"], case .array(let files)? = metrics["files"]
    else { throw damaged("program, profile, headline, settings, files and tables") }
    self.url = url
    self.command = command
    self.program = program
    self.profile = profile
    isSynthetic = metrics["synthetic"] == .bool(true)
    self.headline = headline.members.compactMap { name, value in value.double.map { (name, $0) } }
    self.settings = settings
    self.tables = try tables.map { table in
      guard let table = Table(json: table) else { throw damaged("tables of title, columns, rows and note") }
      return table
    }
    let names = files.compactMap(\.text)
    self.files = names
    if case .array(let figures)? = metrics["figures"] {
      self.figures = figures.compactMap { figure in
        figure["file"]?.text.map { ($0, figure["caption"]?.text ?? $0) }
      }
    } else {
      // written before captions were kept
      figures = names.filter { $0.hasSuffix(".png") }.map { ($0, $0) }
    }
  }

  /// A headline value.
  ///
  /// - Throws: `InputError.missing` naming it and the command.
  public func value(_ name: String) throws -> Double {
    guard let found = headline.first(where: { $0.name == name }) else {
      throw missing("headline value \(name)")
    }
    return found.value
  }

  /// The table whose title begins so.
  ///
  /// - Throws: `InputError.missing` naming it and the command.
  public func table(_ title: String) throws -> Table {
    guard let found = tables.first(where: { $0.title.hasPrefix(title) }) else {
      throw missing("table \"\(title)\"")
    }
    return found
  }

  /// A file's bytes.
  ///
  /// - Throws: `InputError.missing` naming it and the command.
  public func data(_ file: String) throws -> Data {
    guard let data = FileManager.default.contents(atPath: url.appendingPathComponent(file).path) else {
      throw missing("file \(file)")
    }
    return data
  }

  private func missing(_ what: String) -> InputError {
    InputError(
      .missing, url.path, expected: what, found: "results without it", remedy: "Run `\(command)` again.")
  }
}

extension Table {
  /// A table as `json` writes it; nil for anything else. Fractions and numbers are shown with four significant digits, for
  /// their formats are not in the file.
  public init?(json: JSONValue) {
    guard let title = json["title"]?.text, case .array(let columns)? = json["columns"],
      case .array(let rows)? = json["rows"], !columns.isEmpty
    else { return nil }
    self.init(title, columns: columns.map { Column($0.text ?? "") }, note: json["note"]?.text ?? "")
    for case .array(let row) in rows {
      guard row.count == columns.count else { return nil }
      append(row.map { Cell(json: $0) })
    }
  }

  /// The cell of a row that begins with these texts, under a heading; nil when there is none.
  public func cell(_ row: String..., column: String) -> Cell? {
    guard let place = columns.firstIndex(where: { $0.title == column }) else { return nil }
    return rows.first { cells in zip(row, cells).allSatisfy { $0 == $1.text } }?[place]
  }
}

extension Table.Cell {
  fileprivate init(json: JSONValue) {
    switch json {
    case .null, .array: self = .empty
    case .bool(let value): self = .text(value ? "yes" : "no")
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .significant(value, digits: 4)
    case .string(let text): self = .text(text)
    case .object(let parts):
      guard case .integer(let successes)? = parts["successes"], case .integer(let count)? = parts["count"],
        successes >= 0, successes <= count
      else {
        self = .empty
        return
      }
      self = .proportion(successes: successes, count: count)
    }
  }

  /// The counts of a rate; nil for any other cell.
  public var rate: Proportion? {
    if case .proportion(let successes, let count) = self {
      Proportion(successes: successes, count: count)
    } else {
      nil
    }
  }
}

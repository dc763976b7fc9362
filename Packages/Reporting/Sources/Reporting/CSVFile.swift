import TensorCore

/// A table read from a CSV file (RFC 4180): headings and fields as text, as `Table.csv` writes them.
public struct CSVFile: Sendable, Hashable {
  /// The headings.
  public let columns: [String]
  /// One field a heading in each row.
  public let rows: [[String]]

  /// Reads a file's text.
  ///
  /// - Parameter name: the file's name, for error messages.
  /// - Throws: `InputError.damaged` for a quote that is not closed or stands inside a field without quotes, and for a row that
  ///   has another number of fields than the headings.
  public init(parsing text: String, name: String) throws {
    var records: [[String]] = []
    var record: [String] = []
    var rest = text[...]
    func damaged(_ expected: String, _ found: String) -> InputError {
      InputError(.damaged, name, expected: "\(expected) in line \(records.count + 1)", found: found)
    }
    while !rest.isEmpty {
      var field = ""
      if rest.first == "\"" {
        rest.removeFirst()
        while true {
          let part = rest.prefix { $0 != "\"" }
          field += part
          rest = rest[part.endIndex...]
          guard !rest.isEmpty else { throw damaged("a closing quote", "the end of the file") }
          rest.removeFirst()
          guard rest.first == "\"" else { break }
          field.append(rest.removeFirst())
        }
      } else {
        let part = rest.prefix { $0 != "," && !$0.isNewline }
        guard !part.contains("\"") else { throw damaged("quotes around a field that holds one", "\(part)") }
        field = String(part)
        rest = rest[part.endIndex...]
      }
      record.append(field)
      guard let end = rest.first else { break }
      rest.removeFirst()
      if end == "," {
        if rest.isEmpty { record.append("") }
        continue
      }
      guard end.isNewline else { throw damaged("a comma after a quoted field", "\(end)") }
      records.append(record)
      record = []
    }
    if !record.isEmpty { records.append(record) }
    guard let columns = records.first else { throw damaged("headings", "an empty file") }
    for (place, row) in records.enumerated() where row.count != columns.count {
      throw InputError(
        .damaged, name, expected: "\(columns.count) fields in line \(place + 1)", found: "\(row.count)")
    }
    self.columns = columns
    rows = Array(records.dropFirst())
  }

  /// A row's field under a heading; nil when there is no such heading.
  public func field(_ column: String, of row: [String]) -> String? {
    columns.firstIndex(of: column).map { row[$0] }
  }
}

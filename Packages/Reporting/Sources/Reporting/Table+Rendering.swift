import Foundation

extension Table {
  /// The table as text for a terminal: title, headings, a line of dashes, rows, note.
  ///
  /// Columns line up by characters, so letters beyond ASCII may stand in the cells; the frame itself is ASCII.
  public var text: String {
    let cells = rows.map { $0.map { $0.text.replacing("\n", with: " ") } }
    let widths = columns.indices.map { column in
      max(columns[column].title.count, cells.map { $0[column].count }.max() ?? 0)
    }
    func line(_ texts: [String]) -> String {
      let padded = texts.enumerated().map { column, text in
        Table.padded(text, to: widths[column], resolvedAlignment(ofColumn: column))
      }
      let whole = padded.joined(separator: "  ")
      return String(whole.reversed().drop { $0 == " " }.reversed())
    }
    var lines = title.isEmpty ? [] : [title]
    lines.append(line(columns.map(\.title)))
    lines.append(widths.map { String(repeating: "-", count: $0) }.joined(separator: "  "))
    lines += cells.map(line)
    if !note.isEmpty { lines.append(note) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func padded(_ text: String, to width: Int, _ alignment: Alignment) -> String {
    let missing = max(0, width - text.count)
    let left =
      switch alignment {
      case .trailing: missing
      case .centered: missing / 2
      case .leading, .automatic: 0
      }
    return String(repeating: " ", count: left) + text + String(repeating: " ", count: missing - left)
  }

  /// The table as CSV (RFC 4180: commas, CRLF, quotes where needed), headings in the first line, all digits of every
  /// number. Title and note are left out.
  ///
  /// A column that holds a proportion becomes five: the fraction, its 95 % bounds (`… low`, `… high`), successes
  /// and n.
  public var csv: String {
    let isRate = columns.indices.map { column in
      rows.contains { if case .proportion = $0[column] { true } else { false } }
    }
    func line(_ fields: [String]) -> String { fields.map(Table.csvField).joined(separator: ",") + "\r\n" }
    var result = line(
      columns.indices.flatMap { column in
        let title = columns[column].title
        return isRate[column]
          ? [title, "\(title) low", "\(title) high", "\(title) successes", "\(title) n"] : [title]
      })
    for row in rows {
      result += line(
        columns.indices.flatMap { column in
          let fields = row[column].csvFields
          return fields + Array(repeating: "", count: isRate[column] ? 5 - fields.count : 0)
        })
    }
    return result
  }

  private static func csvField(_ text: String) -> String {
    let needsQuotes = text.unicodeScalars.contains { [",", "\"", "\r", "\n"].contains($0) }
    return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  /// The table as JSON: `title`, `columns`, `rows` (lists in column order), `note`. A proportion is an object with
  /// `estimate`, `low`, `high`, `confidence`, `successes`, `count`.
  public var json: JSONValue {
    [
      "title": .string(title),
      "columns": .strings(columns.map(\.title)),
      "rows": .array(rows.map { .array($0.map(\.json)) }),
      "note": .string(note),
    ]
  }

  /// The table as an HTML `table` element with the title as its caption, all text escaped.
  public var html: String { html(caption: title) }

  func html(caption: String) -> String {
    let classes = columns.indices.map { column in
      switch resolvedAlignment(ofColumn: column) {
      case .trailing: " class=\"number\""
      case .centered: " class=\"middle\""
      case .leading, .automatic: ""
      }
    }
    var lines = ["<table>"]
    if !caption.isEmpty { lines.append("<caption>\(HTML.escaped(caption))</caption>") }
    let headings = columns.indices.map {
      "<th scope=\"col\"\(classes[$0])>\(HTML.escaped(columns[$0].title))</th>"
    }
    lines.append("<thead><tr>\(headings.joined())</tr></thead>")
    lines.append("<tbody>")
    for row in rows {
      let cells = columns.indices.map { "<td\(classes[$0])>\(HTML.escaped(row[$0].text))</td>" }
      lines.append("<tr>\(cells.joined())</tr>")
    }
    lines.append("</tbody>")
    lines.append("</table>")
    return lines.joined(separator: "\n")
  }
}

extension Table.Cell {
  fileprivate var csvFields: [String] {
    switch self {
    case .empty: return [""]
    case .text(let text): return [text]
    case .integer(let value): return ["\(value)"]
    case .number(let value, _), .significant(let value, _), .percent(let value, _):
      return [NumberText.plain(value)]
    case .proportion(let successes, let count):
      let rate = CountedRate(successes: successes, count: count)
      let fractions = [rate.estimate, rate.interval?.lowerBound, rate.interval?.upperBound]
      return fractions.map { $0.map(NumberText.plain) ?? "" } + ["\(successes)", "\(count)"]
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .empty: .null
    case .text(let text): .string(text)
    case .integer(let value): .integer(value)
    case .number(let value, _), .significant(let value, _), .percent(let value, _): .number(value)
    case .proportion(let successes, let count): CountedRate(successes: successes, count: count).json
    }
  }
}

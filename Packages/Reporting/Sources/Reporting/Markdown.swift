/// Text and tables as Markdown (GitHub's, with tables).
enum Markdown {
  /// Running text in which no letter means anything but itself.
  static func escaped(_ text: String) -> String {
    var result = ""
    for letter in text {
      switch letter {
      case "\\", "`", "*", "_", "[", "]", "|", "~": result += "\\\(letter)"
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      default: result.append(letter)
      }
    }
    return result
  }

  /// Text that must stay on its line: a cell, a heading, a point.
  static func line(_ text: String) -> String {
    escaped(text.split(whereSeparator: \.isNewline).joined(separator: " "))
  }

  /// A table with its caption above and its note below; one without headings has an empty line of them.
  static func table(_ table: Table, caption: String) -> String {
    func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let rules = table.columns.indices.map { column in
      switch table.resolvedAlignment(ofColumn: column) {
      case .trailing: "---:"
      case .centered: ":---:"
      case .leading, .automatic: "---"
      }
    }
    var lines = ["**\(line(caption))**", "", row(table.columns.map { line($0.title) }), row(rules)]
    lines += table.rows.map { row($0.map { line($0.text) }) }
    if !table.note.isEmpty { lines += ["", line(table.note)] }
    return lines.joined(separator: "\n")
  }

  /// Text as it stands, in a fence longer than any inside.
  static func preformatted(_ text: String) -> String {
    let longest = text.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)\n\(text.hasSuffix("\n") ? text : text + "\n")\(fence)"
  }
}

/// Lines of cells as text, each column as wide as its widest cell.
///
/// - Parameter leading: how many columns, from the first, begin at the left; the others end at the right.
func alignedColumns(_ lines: [[String]], leading: Int) -> [String] {
  let widths = (lines.first ?? []).indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
  return lines.map { line in
    var text = line.indices.map { column in
      let space = String(repeating: " ", count: widths[column] - line[column].count)
      return column < leading ? line[column] + space : space + line[column]
    }.joined(separator: "  ")
    while text.last == " " { text.removeLast() }
    return text
  }
}

import TensorCore

/// How many images of each class each part of a data set has.
public struct ClassDistribution: Sendable, Hashable, CustomStringConvertible {
  /// What each class is called.
  public let classNames: [String]
  /// What each part is called.
  public let partNames: [String]
  /// One list a class, one number a part.
  public let counts: [[Int]]

  /// A count of labels.
  ///
  /// - Precondition: every label is a class.
  public init(classNames: [String], parts: [(name: String, labels: IntTensor)]) {
    var counts = [[Int]](repeating: [Int](repeating: 0, count: parts.count), count: classNames.count)
    for (part, labels) in parts.map(\.labels).enumerated() {
      for label in labels.scalars {
        precondition(
          classNames.indices.contains(Int(label)),
          "ClassDistribution: label \(label) is outside 0 ..< \(classNames.count)")
        counts[Int(label)][part] += 1
      }
    }
    self.classNames = classNames
    partNames = parts.map(\.name)
    self.counts = counts
  }

  /// How many images each part has.
  public var partTotals: [Int] { partNames.indices.map { part in counts.reduce(0) { $0 + $1[part] } } }

  /// How many images there are.
  public var total: Int { partTotals.reduce(0, +) }

  /// The table's rows: a class, its number in each part, and its sum; all of them in the last row.
  public var rows: [(name: String, counts: [Int])] {
    (zip(classNames, counts).map { ($0, $1) } + [("total", partTotals)]).map {
      (name: $0.0, counts: $0.1 + [$0.1.reduce(0, +)])
    }
  }

  /// The table as aligned text.
  public var description: String {
    let lines =
      [["class"] + partNames + ["total"]]
      + rows.map { [$0.name] + $0.counts.map(String.init) }
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      zip(line, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

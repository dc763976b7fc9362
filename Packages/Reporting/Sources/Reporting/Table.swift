import TensorCore

/// A table of results: a title, columns, rows, a note. It renders as text, CSV, HTML and JSON.
///
///     var table = Table("Test accuracy", columns: ["Model", "Accuracy", "Loss"])
///     table.append([.text("784-512-10"), .proportion(successes: 9805, count: 10_000), .number(0.0662, decimals: 4)])
public struct Table: Sendable, Hashable {
  /// Where the cells of a column stand.
  public enum Alignment: Sendable, Hashable {
    /// Right when every filled cell is a number, left otherwise.
    case automatic
    /// At the left edge.
    case leading
    /// At the right edge.
    case trailing
    /// In the middle.
    case centered
  }

  /// A column's heading and alignment; a string literal is a heading with automatic alignment.
  public struct Column: Sendable, Hashable, ExpressibleByStringInterpolation {
    /// The heading, with the unit if there is one.
    public var title: String
    /// Where the cells stand.
    public var alignment: Alignment

    /// A column.
    public init(_ title: String, alignment: Alignment = .automatic) {
      self.title = title
      self.alignment = alignment
    }

    /// A column with automatic alignment.
    public init(stringLiteral value: String) { self.init(value) }
  }

  /// One entry. People see rounded numbers; CSV and JSON get all digits, and fractions instead of percentages.
  public enum Cell: Sendable, Hashable {
    /// Nothing: not measured, does not apply.
    case empty
    /// Words.
    case text(String)
    /// A count.
    case integer(Int)
    /// A number shown with a fixed number of decimals.
    case number(Double, decimals: Int = 4)
    /// A number shown with some significant digits, and an exponent when it is tiny or huge: `3e-05`.
    case significant(Double, digits: Int = 3)
    /// A fraction shown as a percentage, 0.9735 as `97.35 %`. A rate of counted cases is a `proportion`.
    case percent(Double, decimals: Int = 2)
    /// A rate of counted cases: percentage, exact 95 % interval (Clopper-Pearson) and n.
    case proportion(successes: Int, count: Int)
  }

  /// What the table shows; also its file's name unless another is given.
  public var title: String
  /// Headings.
  public var columns: [Column]
  /// One cell a column in each row.
  public private(set) var rows: [[Cell]] = []
  /// A remark below the table: the source of the numbers, what was counted. Empty for none.
  public var note: String

  /// A table without rows.
  ///
  /// - Precondition: there is at least one column.
  public init(_ title: String, columns: [Column], note: String = "") {
    precondition(!columns.isEmpty, "Table: \"\(title)\" has no columns")
    self.title = title
    self.columns = columns
    self.note = note
  }

  /// Adds a row.
  ///
  /// - Precondition: one cell a column; in a proportion 0 ≤ successes ≤ count.
  public mutating func append(_ row: [Cell]) {
    precondition(
      row.count == columns.count, "Table: \"\(title)\" has \(columns.count) columns, got \(row.count) cells")
    for case .proportion(let successes, let count) in row {
      precondition(
        successes >= 0 && successes <= count, "Table: \"\(title)\" got \(successes) successes out of \(count)"
      )
    }
    rows.append(row)
  }

  /// A confusion matrix: one row a true class, one column a predicted class, then the share of the row on the diagonal.
  ///
  /// - Parameter counts: `counts[true][predicted]`.
  /// - Precondition: the matrix is square with one name a class, and no count is negative.
  public static func confusion(_ counts: [[Int]], classes: [String], title: String = "Confusion matrix")
    -> Table
  {
    precondition(
      counts.count == classes.count && counts.allSatisfy { $0.count == classes.count },
      "Table: \(classes.count) classes need a square confusion matrix, got rows of \(counts.map(\.count))")
    var table = Table(
      title,
      columns: [Column("True class", alignment: .leading)] + classes.map { Column($0) } + ["Recognised"],
      note: "Columns are predicted classes.")
    for (label, row) in counts.enumerated() {
      table.append(
        [.text(classes[label])] + row.map { .integer($0) }
          + [.proportion(successes: row[label], count: row.reduce(0, +))])
    }
    return table
  }

  /// Where the cells of a column stand, `automatic` resolved.
  func resolvedAlignment(ofColumn index: Int) -> Alignment {
    guard columns[index].alignment == .automatic else { return columns[index].alignment }
    let filled = rows.map { $0[index] }.filter { $0 != .empty }
    let areNumbers = filled.allSatisfy { if case .text = $0 { false } else { true } }
    return areNumbers && !filled.isEmpty ? .trailing : .leading
  }
}

extension Table.Cell {
  /// A rate of counted cases.
  public static func proportion(_ rate: Proportion) -> Table.Cell {
    .proportion(successes: rate.successes, count: rate.count)
  }

  /// The cell as people read it.
  public var text: String {
    switch self {
    case .empty: ""
    case .text(let text): text
    case .integer(let value): "\(value)"
    case .number(let value, let decimals): NumberText.fixed(value, decimals: decimals)
    case .significant(let value, let digits): NumberText.significant(value, digits: digits)
    case .percent(let value, let decimals): NumberText.percent(value, decimals: decimals)
    case .proportion(let successes, let count): CountedRate(successes: successes, count: count).text
    }
  }

  /// The cell's number in its own unit (a fraction for percentages and rates); nil for words and empty cells.
  public var value: Double? {
    switch self {
    case .empty, .text: nil
    case .integer(let value): Double(value)
    case .number(let value, _), .significant(let value, _), .percent(let value, _): value
    case .proportion(let successes, let count): CountedRate(successes: successes, count: count).estimate
    }
  }
}

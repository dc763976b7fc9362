/// Values that a document reports beside the ones that this run measured.
///
///     var comparison = DocumentComparison("Document 2 and this run")
///     comparison.append("Cost after epoch 1", document: .number(0.67496, decimals: 5),
///       measured: .number(cost, decimals: 5), tolerance: 0.002)
public struct DocumentComparison: Sendable, Hashable {
  /// The table of all rows: quantity, document, measured, difference and, where a row has a tolerance, whether it is
  /// met.
  public private(set) var table: Table

  /// A comparison without rows.
  public init(_ title: String, note: String = "") {
    table = Table(
      title,
      columns: [
        "Quantity", Table.Column("Document", alignment: .trailing),
        Table.Column("Measured", alignment: .trailing),
        Table.Column("Difference", alignment: .trailing), "Tolerance",
      ], note: note)
  }

  /// Adds a row.
  ///
  /// The difference is measured minus document, in percentage points for percentages and rates, with as many decimals
  /// as the document's value; empty when one of the two is no number.
  ///
  /// - Parameters:
  ///   - document: the document's value; `.text` for words, `.empty` when it gives none.
  ///   - measured: this run's value.
  ///   - tolerance: the largest accepted |difference| in the cells' own unit (0.003 for 0.3 points); nil when the
  ///     document's value is for orientation only.
  public mutating func append(
    _ quantity: String, document: Table.Cell, measured: Table.Cell, tolerance: Double? = nil
  ) {
    var row: [Table.Cell] = [.text(quantity), document, measured, .empty, .empty]
    if let expected = document.value, let found = measured.value {
      let (factor, decimals, unit) = DocumentComparison.unit(of: document)
      row[3] = .text(NumberText.signed((found - expected) * factor, decimals: decimals) + unit)
      if let tolerance {
        let bound = "± \(NumberText.significant(tolerance * factor))\(unit)"
        // Decimal fractions such as 0.923 − 0.920 land a few units in the last place beside 0.003.
        let isMet = abs(found - expected) <= tolerance * (1 + 1e-9) + 1e-12
        row[4] = .text("\(bound): \(isMet ? "met" : "missed")")
      }
    } else if let tolerance {
      row[4] = .text("± \(NumberText.significant(tolerance)): not measured")
    }
    table.append(row)
  }

  private static func unit(of cell: Table.Cell) -> (factor: Double, decimals: Int, unit: String) {
    switch cell {
    case .percent(_, let decimals): (100, decimals, " points")
    case .proportion: (100, 2, " points")
    case .number(_, let decimals): (1, decimals, "")
    case .significant: (1, 6, "")
    case .integer, .text, .empty: (1, 0, "")
    }
  }
}

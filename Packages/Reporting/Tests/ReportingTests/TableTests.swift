import Foundation
import Testing
import TensorCore

@testable import Reporting

@Suite struct TableTests {
  private var table: Table {
    var table = Table(
      "Accuracy", columns: ["Model", "Test", Table.Column("Loss", alignment: .trailing)], note: "By count.")
    table.append([
      .text("linear, 784→10"), .proportion(successes: 34, count: 50), .number(0.26574, decimals: 3),
    ])
    table.append([.text("say \"hi\""), .proportion(successes: 0, count: 0), .empty])
    return table
  }

  // The interval of 34 out of 50 is scipy 1.17.1's beta.ppf: 0.5330062, 0.8047958.
  @Test func text() {
    let lines = table.text.split(separator: "\n")
    #expect(lines.count == 6)
    #expect(lines[3] == "linear, 784→10  68.00 % [53.30, 80.48], n = 50  0.266")
    #expect(lines[4] == "say \"hi\"                       no cases, n = 0")
    #expect(lines[2].allSatisfy { "- ".contains($0) } && lines[2].count == lines[3].count)
    #expect(lines[5] == "By count.")
  }

  @Test func cells() {
    #expect(Table.Cell.number(-0.0004, decimals: 2).text == "0.00")
    #expect(Table.Cell.number(.nan, decimals: 2).text == "nan")
    #expect(Table.Cell.percent(0.97346).text == "97.35 %")
    #expect(Table.Cell.percent(0.5, decimals: 0).text == "50 %")
    #expect(Table.Cell.significant(0.00003).text == "3e-05")
    #expect(Table.Cell.significant(1234, digits: 6).text == "1234")
    #expect(Table.Cell.integer(-3).text == "-3")
  }

  // A rate's five columns must stay aligned in rows where the cell is of another kind.
  @Test func csv() {
    let lines = table.csv.components(separatedBy: "\r\n")
    #expect(lines[0] == "Model,Test,Test low,Test high,Test successes,Test n,Loss")
    #expect(lines[1].hasPrefix("\"linear, 784→10\",0.68,0.53"))
    #expect(lines[1].hasSuffix(",34,50,0.26574"))
    #expect(lines[2] == "\"say \"\"hi\"\"\",,,,0,0,")
    #expect(lines[3].isEmpty && lines.count == 4)
    var mixed = Table("", columns: ["a", "b"])
    mixed.append([.proportion(successes: 1, count: 2), .integer(1)])
    mixed.append([.text("x"), .text("two\nlines")])
    #expect(mixed.csv.hasSuffix("x,,,,,\"two\nlines\"\r\n"))
  }

  @Test func json() throws {
    let json = table.json
    #expect(json["columns"] == ["Model", "Test", "Loss"])
    guard case .array(let rows)? = json["rows"], case .array(let first) = rows[0] else {
      Issue.record("rows are no lists")
      return
    }
    #expect(first[2] == 0.26574)
    #expect(first[1]["estimate"] == 0.68)
    #expect(first[1]["count"] == 50)
    #expect(abs((first[1]["low"]?.double ?? 0) - 0.5330062) < 1e-6)
    #expect(abs((first[1]["high"]?.double ?? 0) - 0.8047958) < 1e-6)
  }

  @Test func htmlIsEscapedAndAligned() {
    var table = Table("a < b & c", columns: ["<x>", "n"])
    table.append([.text("<script>alert('1')</script>"), .integer(5)])
    let html = table.html
    #expect(html.contains("<caption>a &lt; b &amp; c</caption>"))
    #expect(html.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</td>"))
    #expect(html.contains("<td class=\"number\">5</td>"))
    #expect(!html.contains("<script>"))
  }

  // Rows are true classes: a transposed matrix would give 8 of 9 for the first recall.
  @Test func confusion() {
    let table = Table.confusion([[8, 2], [1, 9]], classes: ["cat", "dog"])
    #expect(table.rows[0] == [.text("cat"), .integer(8), .integer(2), .proportion(successes: 8, count: 10)])
    #expect(table.rows[1].last == .proportion(Proportion(successes: 9, count: 10)))
  }

  @Test func wrongRowsStop() async {
    await #expect(processExitsWith: .failure) {
      var table = Table("t", columns: ["a", "b"])
      table.append([.empty])
    }
    await #expect(processExitsWith: .failure) {
      var table = Table("t", columns: ["a"])
      table.append([.proportion(successes: 3, count: 2)])
    }
  }
}

@Suite struct DocumentComparisonTests {
  @Test func differencesAndTolerances() {
    var comparison = DocumentComparison("D2")
    comparison.append(
      "cost", document: .number(0.27945, decimals: 5), measured: .number(0.28, decimals: 5), tolerance: 0.002)
    comparison.append(
      "accuracy", document: .percent(0.9229), measured: .proportion(successes: 9190, count: 10_000),
      tolerance: 0.003)
    // Exactly on the bound, which binary fractions miss by a few units.
    comparison.append("edge", document: .percent(0.92), measured: .percent(0.923), tolerance: 0.003)
    comparison.append("fooled", document: .integer(10), measured: .integer(10), tolerance: 0)
    comparison.append("class", document: .text("6"), measured: .text("6"))
    comparison.append("not reached", document: .percent(0.5), measured: .empty, tolerance: 0.1)
    let rows = comparison.table.rows.map { $0[3...].map(\.text) }
    #expect(rows[0] == ["+0.00055", "± 0.002: met"])
    #expect(rows[1] == ["-0.39 points", "± 0.3 points: missed"])
    #expect(rows[2] == ["+0.30 points", "± 0.3 points: met"])
    #expect(rows[3] == ["0", "± 0: met"])
    #expect(rows[4] == ["", ""])
    #expect(rows[5] == ["", "± 0.1: not measured"])
  }
}

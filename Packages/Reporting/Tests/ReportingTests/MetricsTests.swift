import Foundation
import Testing
import TensorCore

@testable import Reporting

@Suite struct MetricsTests {
  @Test func document() throws {
    var metrics = sampleMetrics()
    try metrics.addHeadline("test_accuracy", 0.9229)
    try metrics.addHeadline("images_fooled", 10)
    metrics.add(Table("t", columns: ["a"]))
    let json = try JSONValue(parsing: Data(metrics.json.document.utf8), name: "metrics.json")
    #expect(json == metrics.json)
    #expect(json["headline"] == ["test_accuracy": 0.9229, "images_fooled": 10])
    #expect(json["synthetic"] == false)
    // 2⁶⁴ − 1 as a number would come back rounded.
    #expect(json["seeds"] == [7, "18446744073709551615"])
    #expect(json["settings"] == ["epochs": 3, "rate": 0.05])
    #expect(json["environment"]?["openblas_core"] == JSONValue.null)
    #expect(json["environment"]?["instruction_set"] == "beads")
  }

  @Test func runTable() {
    let rows = sampleMetrics().runTable.rows.map { $0.map(\.text) }
    #expect(rows.contains(["seeds", "7, 18446744073709551615"]))
    #expect(rows.contains(["rate", "0.05"]) && rows.contains(["data", "real"]))
    #expect(rows.contains(["revision", "unknown"]) && rows.contains(["machine", "abacus"]))
  }

  @Test func brokenHeadlinesAreRefused() async {
    var metrics = sampleMetrics()
    #expect {
      try metrics.addHeadline("loss", .nan)
    } throws: { error in
      (error as? InputError)?.kind == .outOfRange && "\(error)".contains("loss")
    }
    #expect(metrics.headline.isEmpty)
    await #expect(processExitsWith: .failure) {
      var metrics = sampleMetrics()
      try metrics.addHeadline("loss", 1)
      try metrics.addHeadline("loss", 2)
    }
  }
}

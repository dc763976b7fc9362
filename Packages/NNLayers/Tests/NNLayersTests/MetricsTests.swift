import NNLayers
import TensorCore
import Testing

@Suite struct ConfusionMatrixTests {
  // True 0 0 0 1 1 2 2 2 against predicted 0 1 1 1 0 0 2 1: rows are true classes, columns predictions.
  private let labels = IntTensor([0, 0, 0, 1, 1, 2, 2, 2])
  private let predictions = IntTensor([0, 1, 1, 1, 0, 0, 2, 1])

  // Rows and columns exchanged give another matrix.
  @Test func countsByHand() {
    let matrix = ConfusionMatrix(predictions: predictions, labels: labels, classCount: 3)
    #expect(matrix.counts == [[1, 2, 0], [1, 1, 0], [1, 1, 1]])
    #expect(matrix.total == 8 && matrix.correct == 3 && matrix.accuracy == 0.375)
    #expect(matrix.rowNormalized[0] == [1.0 / 3, 2.0 / 3, 0])
    #expect(matrix.rowNormalized[1] == [0.5, 0.5, 0])
    #expect(accuracy(predictions: predictions, labels: labels) == 0.375)
    #expect(correctCount(predictions: predictions, labels: labels) == 3)
  }

  @Test func countingInParts() {
    var parts = ConfusionMatrix(classCount: 3)
    parts.add(predictions: predictions[rows: 0..<3], labels: labels[rows: 0..<3])
    parts.add(predictions: predictions[rows: 3..<8], labels: labels[rows: 3..<8])
    #expect(parts == ConfusionMatrix(predictions: predictions, labels: labels, classCount: 3))
  }

  // 0/0 in an empty row would put NaN into the figure.
  @Test func emptyRowsAndMatrices() {
    let matrix = ConfusionMatrix(predictions: IntTensor([1]), labels: IntTensor([0]), classCount: 2)
    #expect(matrix.rowNormalized == [[0, 1], [0, 0]])
    #expect(ConfusionMatrix(classCount: 2).accuracy.isNaN)
    #expect(accuracy(predictions: IntTensor([]), labels: IntTensor([])).isNaN)
  }

  // Most frequent first; ties by true class, then by prediction; the diagonal and zeros left out.
  @Test func strongestConfusionsInOrder() {
    let matrix = ConfusionMatrix(predictions: predictions, labels: labels, classCount: 3)
    #expect(
      matrix.confusions.map { [$0.label, $0.prediction, $0.count] } == [
        [0, 1, 2], [1, 0, 1], [2, 0, 1], [2, 1, 1],
      ])
  }

  @Test func classesOutsideAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = ConfusionMatrix(predictions: IntTensor([2]), labels: IntTensor([0]), classCount: 2)
    }
    await #expect(processExitsWith: .failure) {
      _ = ConfusionMatrix(predictions: IntTensor([0]), labels: IntTensor([-1]), classCount: 2)
    }
    await #expect(processExitsWith: .failure) {
      _ = correctCount(predictions: IntTensor([0]), labels: IntTensor([0, 1]))
    }
  }
}

/// Against the text of scikit-learn 1.9.1's `classification_report`.
@Suite struct ClassificationReportTests {
  private func matrix(_ name: String, classCount: Int) throws -> ConfusionMatrix {
    func classes(_ kind: String) throws -> IntTensor {
      IntTensor(try Reference.file.get().bytes(named: "report/\(name)/\(kind)").scalars.map(Int.init))
    }
    return ConfusionMatrix(
      predictions: try classes("predictions"), labels: try classes("labels"), classCount: classCount)
  }

  // D0.22: the columns and the 14,000 images of document 0; D0.23: its line of the fives and its averages.
  @Test func digits() throws {
    let report = ClassificationReport(try matrix("digits", classCount: 10))
    #expect(report.text(names: (0..<10).map(String.init)) == (try Reference.text("report-digits.txt")))
    #expect(report.classes.map(\.support) == [1381, 1575, 1398, 1428, 1365, 1263, 1375, 1459, 1365, 1391])
    let five = report.classes[5]
    #expect(
      abs(five.precision - 0.92) < 0.005 && abs(five.recall - 0.83) < 0.005 && abs(five.f1 - 0.87) < 0.005)
    #expect(abs(report.accuracy - 0.91) < 0.005)
  }

  // A class never predicted, one that never occurs, a name wider than "weighted avg", and 1/8, 5/8 and 3/200, which
  // rounding 100 times the ratio gets wrong.
  @Test func edges() throws {
    let names = ["cat", "dog", "never predicted", "horse", "never there"]
    let report = ClassificationReport(try matrix("edges", classCount: 5))
    #expect(report.text(names: names) == (try Reference.text("report-edges.txt")))
  }

  // Recall 2/4 and 1/1, precision 2/2 and 1/3, F1 2/3 and 1/2: averages plain and weighted by 4 : 1.
  @Test func averagesByHand() {
    let report = ClassificationReport(
      ConfusionMatrix(
        predictions: IntTensor([0, 0, 1, 1, 1]), labels: IntTensor([0, 0, 0, 0, 1]), classCount: 2))
    let (macro, weighted) = (report.macroAverage, report.weightedAverage)
    func expect(_ value: Double, _ expected: Double) { #expect(abs(value - expected) < 1e-15) }
    expect(report.accuracy, 0.6)
    expect(macro.precision, 2.0 / 3)
    expect(macro.recall, 0.75)
    expect(macro.f1, 7.0 / 12)
    expect(weighted.precision, (4 + 1.0 / 3) / 5)
    expect(weighted.recall, 0.6)
    expect(weighted.f1, (4 * 2.0 / 3 + 0.5) / 5)
    #expect(macro.support == 5 && weighted.support == 5)
  }

  // D0.23: a published report is read with its printed decimals, so printing it again gives the same text.
  @Test func reportsAreReadAgain() throws {
    let names = (0..<10).map(String.init)
    let text = try Reference.text("report-digits.txt")
    let report = try ClassificationReport(text: text, names: names)
    let five = report.classes[5]
    #expect([five.precision, five.recall, five.f1] == [0.92, 0.83, 0.87] && five.support == 1263)
    #expect(report.accuracy == 0.91 && report.macroAverage.support == 14_000)
    #expect(report.weightedAverage.recall == 0.91)
    #expect(report.text(names: names) == text)
    // names of several words
    let edges = ["cat", "dog", "never predicted", "horse", "never there"]
    let other = try Reference.text("report-edges.txt")
    #expect(try ClassificationReport(text: other, names: edges).text(names: edges) == other)
  }

  @Test func damagedReportsAreRefused() throws {
    let names = (0..<10).map(String.init)
    let text = try Reference.text("report-digits.txt")
    func kind(_ text: String, _ names: [String]) throws -> InputError.Kind {
      try #require(throws: InputError.self) { try ClassificationReport(text: text, names: names) }.kind
    }
    #expect(try kind("", names) == .damaged)
    #expect(try kind(text, Array(names.dropLast())) == .damaged)
    #expect(try kind(text, names.dropLast() + ["ten"]) == .mismatch)
    #expect(try kind(text.replacing("0.83", with: "much"), names) == .damaged)
    #expect(try kind(text.replacing("1263", with: "12.63"), names) == .damaged)
    #expect(try kind(text.replacing("accuracy", with: "micro avg"), names) == .damaged)
    #expect(try kind(text.replacing("macro avg", with: "samples avg"), names) == .mismatch)
    #expect(try kind(text.replacing("recall", with: "rappel"), names) == .damaged)
  }

  @Test func namesMustFit() async {
    await #expect(processExitsWith: .failure) {
      _ = ClassificationReport(ConfusionMatrix(classCount: 2)).text(names: ["one"])
    }
  }
}

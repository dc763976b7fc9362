import Foundation
import TensorCore

/// The share of predictions that equal their labels; NaN for none.
public func accuracy(predictions: IntTensor, labels: IntTensor) -> Double {
  Double(correctCount(predictions: predictions, labels: labels)) / Double(labels.count)
}

/// How many predictions equal their labels.
///
/// - Precondition: as many predictions as labels.
public func correctCount(predictions: IntTensor, labels: IntTensor) -> Int {
  precondition(
    predictions.shape == labels.shape,
    "correctCount: predictions \(predictions.shape), labels \(labels.shape)")
  return zip(predictions.scalars, labels.scalars).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
}

/// How often each class was taken for each other one.
public struct ConfusionMatrix: Sendable, Hashable {
  /// `counts[true class][predicted class]`.
  public private(set) var counts: [[Int]]

  /// An empty matrix.
  public init(classCount: Int) {
    counts = [[Int]](repeating: [Int](repeating: 0, count: classCount), count: classCount)
  }

  /// The matrix of a set of predictions.
  public init(predictions: IntTensor, labels: IntTensor, classCount: Int) {
    self.init(classCount: classCount)
    add(predictions: predictions, labels: labels)
  }

  /// Counts more predictions.
  ///
  /// - Precondition: classes lie in `0 ..< classCount`.
  public mutating func add(predictions: IntTensor, labels: IntTensor) {
    precondition(
      predictions.shape == labels.shape,
      "ConfusionMatrix: predictions \(predictions.shape), labels \(labels.shape)")
    for i in 0..<labels.count {
      precondition(
        counts.indices.contains(labels[i]) && counts.indices.contains(predictions[i]),
        "ConfusionMatrix: class \(labels[i]) or \(predictions[i]) is outside 0 ..< \(counts.count)")
      counts[labels[i]][predictions[i]] += 1
    }
  }

  /// How many samples were counted.
  public var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }

  /// How many lie on the diagonal.
  public var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }

  /// The share on the diagonal; NaN for an empty matrix.
  public var accuracy: Double { Double(correct) / Double(total) }

  /// Each row divided by its sum: row i, column j is the share of class i taken for j. Empty rows are zero.
  public var rowNormalized: [[Double]] {
    counts.map { row in
      let sum = row.reduce(0, +)
      return row.map { sum == 0 ? 0 : Double($0) / Double(sum) }
    }
  }

  /// The off-diagonal cells with a count, most frequent first; ties by true, then predicted class.
  public var confusions: [(label: Int, prediction: Int, count: Int)] {
    var list: [(label: Int, prediction: Int, count: Int)] = []
    for (label, row) in counts.enumerated() {
      for (prediction, count) in row.enumerated() where prediction != label && count > 0 {
        list.append((label, prediction, count))
      }
    }
    return list.sorted { ($1.count, $0.label, $0.prediction) < ($0.count, $1.label, $1.prediction) }
  }
}

/// Precision, recall and F1 of each class, as scikit-learn's `classification_report` defines them. A ratio without a
/// denominator is 0.
public struct ClassificationReport: Sendable, Hashable {
  /// One line of the report.
  public struct Row: Sendable, Hashable {
    /// Of the samples predicted as this class, the share that is of it.
    public let precision: Double
    /// Of the samples of this class, the share predicted so.
    public let recall: Double
    /// The harmonic mean of precision and recall.
    public let f1: Double
    /// How many samples are of this class.
    public let support: Int
  }

  /// One row a class.
  public let classes: [Row]
  /// The share of samples predicted rightly.
  public let accuracy: Double
  /// The plain mean over classes.
  public let macroAverage: Row
  /// The mean over classes weighted by support.
  public let weightedAverage: Row

  /// The report of a confusion matrix.
  public init(_ matrix: ConfusionMatrix) {
    let counts = matrix.counts
    func ratio(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a / b }
    let rows = counts.indices.map { i -> Row in
      let hits = Double(counts[i][i])
      let support = counts[i].reduce(0, +)
      let predicted = Double(counts.reduce(0) { $0 + $1[i] })
      let precision = ratio(hits, predicted)
      let recall = ratio(hits, Double(support))
      return Row(
        precision: precision, recall: recall, f1: ratio(2 * hits, Double(support) + predicted),
        support: support)
    }
    let total = matrix.total
    func average(_ weight: (Row) -> Double) -> Row {
      let sum = rows.reduce(0) { $0 + weight($1) }
      func mean(_ value: (Row) -> Double) -> Double {
        ratio(rows.reduce(0) { $0 + weight($1) * value($1) }, sum)
      }
      return Row(precision: mean(\.precision), recall: mean(\.recall), f1: mean(\.f1), support: total)
    }
    classes = rows
    accuracy = matrix.accuracy
    macroAverage = average { _ in 1 }
    weightedAverage = average { Double($0.support) }
  }

  /// The report as scikit-learn prints it: two decimals, a line a class, then accuracy, macro and weighted average.
  public func text(names: [String]) -> String {
    precondition(
      names.count == classes.count, "ClassificationReport: \(names.count) names, \(classes.count) classes")
    let width = max(names.map(\.count).max() ?? 0, "weighted avg".count)
    // rounds the double itself, as Python does: 100 times 0.015 would be 1.5 although the double is below 0.015
    func fixed(_ value: Double) -> String { String(format: "%.2f", value) }
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func line(_ name: String, _ cells: [String]) -> String {
      padded(name, width) + " " + cells.map { padded($0, 10) }.joined()
    }
    func cells(_ row: Row) -> [String] {
      [fixed(row.precision), fixed(row.recall), fixed(row.f1), String(row.support)]
    }
    var lines = [line("", ["precision", "recall", "f1-score", "support"]), ""]
    lines += zip(names, classes).map { line($0, cells($1)) }
    lines += [
      "", line("accuracy", ["", "", fixed(accuracy), String(macroAverage.support)]),
      line("macro avg", cells(macroAverage)), line("weighted avg", cells(weightedAverage)),
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}

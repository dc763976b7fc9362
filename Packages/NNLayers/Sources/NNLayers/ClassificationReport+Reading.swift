import TensorCore

extension ClassificationReport {
  /// Reads a report that `text(names:)` or scikit-learn has printed, so that a published one can be compared with. Its
  /// numbers have the decimals that were printed.
  ///
  /// - Parameters:
  ///   - text: the whole report with its heading; empty lines and the widths of columns do not matter.
  ///   - names: the classes in order.
  /// - Throws: `InputError.damaged` naming the line that is none of a report, `.mismatch` for other classes.
  public init(text: String, names: [String]) throws {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.split(whereSeparator: \.isWhitespace) }
      .filter { !$0.isEmpty }
    let rest = names.count + 1
    guard lines.first == ["precision", "recall", "f1-score", "support"], lines.count == rest + 3 else {
      throw InputError(
        .damaged, "a classification report", expected: "a heading, \(names.count) classes and three averages",
        found: "\(lines.count) lines")
    }
    func row(_ index: Int, _ name: String) throws -> Row {
      let words = lines[index]
      let numbers = words.suffix(4).dropLast().compactMap { Double($0) }
      guard words.count > 4, numbers.count == 3, let support = words.last.flatMap({ Int($0) }) else {
        throw Self.unreadable(index, expected: "\(name) and four numbers", words)
      }
      guard words.dropLast(4).elementsEqual(name.split(whereSeparator: \.isWhitespace)) else {
        throw InputError(
          .mismatch, "line \(index + 1) of a classification report", expected: "\"\(name)\"",
          found: "\"\(words.dropLast(4).joined(separator: " "))\"")
      }
      return Row(precision: numbers[0], recall: numbers[1], f1: numbers[2], support: support)
    }
    let overall = lines[rest]
    guard overall.count == 3, overall[0] == "accuracy", let share = Double(overall[1]) else {
      throw Self.unreadable(rest, expected: "accuracy and two numbers", overall)
    }
    classes = try names.enumerated().map { try row($0 + 1, $1) }
    accuracy = share
    macroAverage = try row(rest + 1, "macro avg")
    weightedAverage = try row(rest + 2, "weighted avg")
  }

  private static func unreadable(_ index: Int, expected: String, _ words: [Substring]) -> InputError {
    InputError(
      .damaged, "line \(index + 1) of a classification report", expected: expected,
      found: "\"\(words.joined(separator: " "))\"")
  }
}

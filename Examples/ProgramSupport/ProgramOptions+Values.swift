extension ProgramOptions {
  /// A complaint about the command line, to be thrown where options do not go together.
  public func usageError(_ complaint: String) -> any Error { UsageError(description: complaint) }

  /// Whether one of the program's own switches was given.
  public func has(_ option: String) -> Bool { value(of: option) != nil }

  /// The whole number of one of the program's own options; nil when it was not given.
  ///
  /// - Throws: a complaint about the command line when it is no number or below `least`.
  public func number(of option: String, least: Int) throws -> Int? {
    guard let text = value(of: option) else { return nil }
    guard let number = Int(text), number >= least else {
      throw UsageError(description: "\(option) takes a whole number of at least \(least), got \"\(text)\"")
    }
    return number
  }

  /// The whole numbers, separated by commas, that one of the program's own options lists; nil when it was not given.
  ///
  /// - Throws: a complaint about the command line when one is no number or outside the range.
  public func numbers(of option: String, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let text = value(of: option) else { return nil }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Int(part), range.contains(number) else {
        throw UsageError(
          description:
            "\(option) takes whole numbers from \(range.lowerBound) to \(range.upperBound), separated by commas, got "
            + "\"\(text)\"")
      }
      return number
    }
  }

  /// The choice that one of the program's own options names; nil when it was not given.
  ///
  /// - Throws: a complaint about the command line when there is no such choice.
  public func choice<Choice: RawRepresentable & CaseIterable>(of option: String) throws -> Choice?
  where Choice.RawValue == String {
    guard let text = value(of: option) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError(description: "\(option) takes one of \(names), got \"\(text)\"")
    }
    return choice
  }
}

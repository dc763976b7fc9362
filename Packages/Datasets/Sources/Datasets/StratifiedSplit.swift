import TensorCore

/// A division of samples into two shuffled parts in which every class has its share.
///
/// Of n samples in all, a class of c gives c · m / n to the m held-out ones, rounded by largest remainder: down at
/// first, then one more for the classes with the largest remainders until there are m. Among equal remainders the
/// lower class comes first, so the counts depend on the labels alone; the key chooses which samples and their order.
///
/// Source: the contract of scikit-learn 1.5's `train_test_split(stratify:)` (`StratifiedShuffleSplit`,
/// `_approximate_mode`). Difference: it breaks ties between remainders at random.
public struct StratifiedSplit: Sendable {
  /// Indices of the larger or first part, shuffled.
  public let kept: [Int]
  /// Indices of the part set aside, shuffled.
  public let heldOut: [Int]

  /// Holds out `⌈fraction · n⌉` samples.
  ///
  /// - Throws: `InputError.outOfRange` as `init(labels:holdingOut:key:)` with a count does.
  public init(labels: IntTensor, holdingOut fraction: Double, key: RandomKey) throws {
    guard fraction > 0, fraction < 1 else {
      throw InputError(
        .outOfRange, "the fraction held out", expected: "a number between 0 and 1", found: "\(fraction)")
    }
    // 0.07 · 100 is 7.000000000000001 in Double; that must not become an eighth sample.
    let exact = fraction * Double(labels.count)
    let count = Int((exact - 1e-9 * exact).rounded(.up))
    try self.init(labels: labels, holdingOut: count, key: key)
  }

  /// Holds out `count` samples.
  ///
  /// - Throws: `InputError.outOfRange` when a class has fewer than two samples or one part has fewer samples than
  ///   there are classes.
  public init(labels: IntTensor, holdingOut count: Int, key: RandomKey) throws {
    let members = Self.members(of: labels)
    if let lonely = members.first(where: { $0.indices.count < 2 }) {
      throw InputError(
        .outOfRange, "class \(lonely.label)", expected: "at least 2 samples to split it",
        found: "\(lonely.indices.count)")
    }
    guard !members.isEmpty, count >= members.count, labels.count - count >= members.count else {
      throw InputError(
        .outOfRange, "the number held out",
        expected: "at least one sample a class on both sides of \(labels.count)",
        found: "\(count) for \(members.count) classes")
    }
    var kept: [Int] = []
    var heldOut: [Int] = []
    for (group, share) in zip(members, Self.shares(of: count, among: members.map(\.indices.count))) {
      let order = key.derived("class").derived(group.label).permutation(count: group.indices.count)
      heldOut += order[..<share].map { group.indices[$0] }
      kept += order[share...].map { group.indices[$0] }
    }
    self.kept = key.derived("kept").permutation(count: kept.count).map { kept[$0] }
    self.heldOut = key.derived("held out").permutation(count: heldOut.count).map { heldOut[$0] }
  }

  /// Divides the samples into `count` folds of nearly equal size in which every class has its share; each fold is
  /// the held-out part of one round of cross-validation.
  ///
  /// - Returns: the indices of each fold, ascending. Sizes differ by at most one, within a class and in all.
  /// - Throws: `InputError.outOfRange` for fewer than 2 folds or a class with fewer samples than folds.
  public static func folds(of labels: IntTensor, count: Int, key: RandomKey) throws -> [[Int]] {
    guard count >= 2 else {
      throw InputError(.outOfRange, "the number of folds", expected: "2 or more", found: "\(count)")
    }
    var folds = [[Int]](repeating: [], count: count)
    // Dealt out like cards, each class going on where the last one ended, so that no fold gets all the extras.
    var next = 0
    for group in members(of: labels) {
      guard group.indices.count >= count else {
        throw InputError(
          .outOfRange, "class \(group.label)", expected: "at least \(count) samples for \(count) folds",
          found: "\(group.indices.count)")
      }
      for place in key.derived("fold").derived(group.label).permutation(count: group.indices.count) {
        folds[next % count].append(group.indices[place])
        next += 1
      }
    }
    return folds.map { $0.sorted() }
  }

  /// `total` divided in proportion to `sizes`, rounded by largest remainder, the lower place first among equals.
  static func shares(of total: Int, among sizes: [Int]) -> [Int] {
    let all = sizes.reduce(0, +)
    var shares = sizes.map { $0 * total / all }
    let remainders = sizes.map { $0 * total % all }
    let byRemainder = sizes.indices.sorted { (remainders[$0], -$0) > (remainders[$1], -$1) }
    for place in byRemainder.prefix(total - shares.reduce(0, +)) { shares[place] += 1 }
    return shares
  }

  /// The classes that occur, ascending, and the indices of their samples.
  private static func members(of labels: IntTensor) -> [(label: Int, indices: [Int])] {
    var indices: [Int: [Int]] = [:]
    for position in 0..<labels.count { indices[labels[position], default: []].append(position) }
    return indices.sorted { $0.key < $1.key }.map { (label: $0.key, indices: $0.value) }
  }
}

import TensorCore

/// The difference of logits ratio (DLR): the margin divided by a difference of two of the logits, so that neither a shift
/// nor a scale of the logits changes it. Cross-entropy's gradient vanishes where a model is sure; this one's does not.
///
///     away from y:   DLR(z, y) = (max over k ≠ y of zₖ − z_y) / (z_π₁ − z_π₃ + 10⁻¹²),   π: classes by falling logit
///     towards t:     −DLR(z, t)
///
/// With two classes there is no third logit: the objective is then the `Margin`.
///
/// Source: Croce, Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
/// Attacks", ICML 2020, section 4.
public struct DifferenceOfLogitsRatio: Goal, LogitGoal {
  private let wanted: ClassAim

  /// The ratio for these classes.
  public init(_ aim: ClassAim) { wanted = aim }

  /// The classes.
  public var aim: ClassAim? { wanted }

  /// The ratio of these samples.
  public func part(_ rows: [Int]) -> DifferenceOfLogitsRatio? { DifferenceOfLogitsRatio(wanted.part(rows)) }

  /// True where the prediction is another class, or the wanted one.
  public func isReached(_ logits: Tensor) -> [Bool] { wanted.isReached(logits) }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    if row.count < 3 { return Margin(wanted).objective(of: row, sample: sample, slope: slope) }
    let (own, sign) = (wanted.classes[sample], wanted.isTargeted ? 1.0 : -1.0)
    let (rival, ranking) = (row.best(but: own), row.ranking())
    return ratio(
      of: row, numerator: [(own, sign), (rival, -sign)], denominator: [(ranking[0], 1), (ranking[2], -1)],
      slope: slope)
  }
}

/// The difference of logits ratio towards a class t that is not what success depends on: any class but the label y is a
/// success, t only shows a way.
///
///     (z_t − z_y) / (z_π₁ − (z_π₃ + z_π₄) / 2 + 10⁻¹²),   π: classes by falling logit
///
/// With fewer than four classes the denominator is left out: the margin between the two classes.
///
/// Source: Croce, Hein, ICML 2020, section 4.1.
public struct TargetedDifferenceOfLogitsRatio: Goal, LogitGoal {
  /// The classes to leave, `[n]`.
  public let labels: IntTensor
  /// The classes to climb towards, `[n]`.
  public let targets: IntTensor

  /// From labels towards targets.
  ///
  /// - Precondition: as many targets as labels.
  public init(labels: IntTensor, targets: IntTensor) {
    precondition(
      labels.shape == targets.shape,
      "TargetedDifferenceOfLogitsRatio: labels \(labels.shape), targets \(targets.shape)")
    self.labels = labels
    self.targets = targets
  }

  /// Away from the labels.
  public var aim: ClassAim? { ClassAim(classes: labels, isTargeted: false) }

  /// The ratio of these samples.
  public func part(_ rows: [Int]) -> TargetedDifferenceOfLogitsRatio? {
    TargetedDifferenceOfLogitsRatio(
      labels: labels.gathered(rows: rows), targets: targets.gathered(rows: rows))
  }

  /// True where the prediction is not the label.
  public func isReached(_ logits: Tensor) -> [Bool] {
    ClassAim(classes: labels, isTargeted: false).isReached(logits)
  }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    var denominator: [(class: Int, factor: Double)] = []
    if row.count > 3 {
      let ranking = row.ranking()
      denominator = [(ranking[0], 1), (ranking[2], -0.5), (ranking[3], -0.5)]
    }
    return ratio(
      of: row, numerator: [(targets[sample], 1), (labels[sample], -1)], denominator: denominator, slope: slope
    )
  }
}

/// A sum of logits divided by another, or by 1 where that is empty.
private func ratio(
  of row: UnsafeBufferPointer<Float>, numerator: [(class: Int, factor: Double)],
  denominator: [(class: Int, factor: Double)], slope: UnsafeMutableBufferPointer<Float>?
) -> Double {
  func sum(_ terms: [(class: Int, factor: Double)]) -> Double {
    terms.reduce(0) { $0 + $1.factor * Double(row[$1.class]) }
  }
  // logits that are all equal: 0 instead of 0 / 0, as in the authors' code
  let width = denominator.isEmpty ? 1 : sum(denominator) + 1e-12
  let value = sum(numerator) / width
  if let slope {
    for term in numerator { slope[term.class] += Float(term.factor / width) }
    for term in denominator { slope[term.class] -= Float(value * term.factor / width) }
  }
  return value
}

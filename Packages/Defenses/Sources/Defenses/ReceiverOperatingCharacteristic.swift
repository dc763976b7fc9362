import TensorCore

/// How well scores tell two kinds of inputs apart, whatever the threshold: detection rate against false-alarm rate.
public struct ReceiverOperatingCharacteristic: Sendable, Hashable {
  /// Both rates at one threshold.
  public struct Point: Sendable, Hashable {
    /// Scores of at least this raise the alarm; infinity for the first point.
    public let threshold: Double
    /// Alarms among the clean inputs.
    public let falseAlarms: Proportion
    /// Alarms among the inputs to be found.
    public let detections: Proportion
  }

  /// From no alarm to all: one point for each different score besides the first.
  public let points: [Point]
  /// How many clean inputs there are.
  public let cleanCount: Int
  /// How many inputs to be found there are.
  public let targetCount: Int
  /// The probability that an input to be found scores higher than a clean one, equal scores counting half: the area under the
  /// curve.
  ///
  ///     AUC = 1/(mn) Σᵢⱼ ([tᵢ > cⱼ] + [tᵢ = cⱼ] / 2),   the Mann-Whitney statistic divided by mn
  public let area: Double

  /// The curve of these scores.
  ///
  /// - Throws: `InputError.outOfRange` when one of the two kinds has no score or one that is not a number.
  public init(clean: [Double], targets: [Double]) throws {
    for (name, scores) in [("clean", clean), ("to be found", targets)] {
      if scores.isEmpty || scores.contains(where: \.isNaN) {
        throw InputError(
          .outOfRange, "the scores of the inputs that are \(name)", expected: "one or more numbers",
          found: scores.isEmpty ? "none" : "NaN")
      }
    }
    cleanCount = clean.count
    targetCount = targets.count
    let falling = (clean.map { ($0, false) } + targets.map { ($0, true) }).sorted { $0.0 > $1.0 }
    var (alarms, found, pairs, place) = (0, 0, 0.0, 0)
    var points = [Self.point(.infinity, alarms, clean.count, found, targets.count)]
    while place < falling.count {
      let score = falling[place].0
      let equals = falling[place...].prefix { $0.0 == score }
      let targetsHere = equals.count { $0.1 }
      let cleanHere = equals.count - targetsHere
      pairs += Double(cleanHere) * (Double(found) + Double(targetsHere) / 2)
      alarms += cleanHere
      found += targetsHere
      place += equals.count
      points.append(Self.point(score, alarms, clean.count, found, targets.count))
    }
    self.points = points
    area = pairs / (Double(clean.count) * Double(targets.count))
  }

  private static func point(_ score: Double, _ alarms: Int, _ clean: Int, _ found: Int, _ targets: Int)
    -> Point
  {
    Point(
      threshold: score, falseAlarms: Proportion(successes: alarms, count: clean),
      detections: Proportion(successes: found, count: targets))
  }

  /// An interval for the area, asymmetric and inside 0...1, also where the two kinds do not overlap: all A with
  ///
  ///     |A − area| ≤ z √V(A),   V(A) = A (1 − A) / (mn) · (1 + N (1 − A) / (2 − A) + N A / (1 + A)),   N = (m + n) / 2 − 1
  ///
  /// It takes all inputs as drawn independently of each other.
  ///
  /// Sources: Hanley, McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve",
  /// Radiology 143 (1982), for the variance; Newcombe, "Confidence Intervals for an Effect Size Measure Based on the
  /// Mann-Whitney Statistic. Part 2", Statistics in Medicine 25 (2006), method 5, for its use at A instead of at the area.
  ///
  /// - Precondition: 0 < confidence < 1.
  public func areaInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    precondition(confidence > 0 && confidence < 1, "areaInterval: confidence \(confidence)")
    let z = NormalDistribution.quantile((1 + confidence) / 2)
    let pairs = Double(cleanCount) * Double(targetCount)
    let more = Double(cleanCount + targetCount) / 2 - 1
    func isInside(_ a: Double) -> Bool {
      let variance = a * (1 - a) / pairs * (1 + more * (1 - a) / (2 - a) + more * a / (1 + a))
      return (a - area) * (a - area) <= z * z * variance
    }
    // 80 halvings between the area, which is inside, and an end, which is not
    func bound(_ end: Double) -> Double {
      var (inside, outside) = (area, end)
      for _ in 0..<80 where inside != outside {
        let middle = (inside + outside) / 2
        if isInside(middle) { inside = middle } else { outside = middle }
      }
      return inside
    }
    return bound(0)...bound(1)
  }
}

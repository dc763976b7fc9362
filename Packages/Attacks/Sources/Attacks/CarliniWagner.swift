import Foundation
import TensorCore

/// The smallest L2 change by gradient descent on distance and margin together.
///
///     minimise over w:   ‖x' − x‖₂² + c · max(κ − margin(x'), 0),   x' = middle + half · tanh(w)
///
/// The margin is `Margin`'s. For each sample c is searched for: times ten until something is found, then by halving between
/// the largest c that failed and the smallest that did not. Adam begins anew for each c. A sample stops early when a tenth of
/// the steps lowers its loss by less than 10⁻⁴ of it. Where the model's range is infinite, x' = w.
///
/// Source: Carlini, Wagner, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P 2017, and their code; there the
/// whole batch stops when its total loss does.
public struct CarliniWagner: MinimalAttack {
  /// The most steps for one c.
  public var steps: Int
  /// How many c are tried.
  public var searches: Int
  /// Adam's learning rate.
  public var rate: Float
  /// The first c.
  public var firstConstant: Double
  /// κ: by how many logits the goal must be reached.
  public var confidence: Float

  /// An attack.
  ///
  /// - Precondition: all numbers are positive, but for the confidence, which may be 0.
  public init(
    steps: Int = 1000, searches: Int = 9, rate: Float = 0.01, firstConstant: Double = 1e-3,
    confidence: Float = 0
  ) {
    precondition(
      steps > 0 && searches > 0 && rate > 0 && firstConstant > 0 && confidence >= 0,
      "CarliniWagner: \(steps) steps, \(searches) searches, rate \(rate), first constant \(firstConstant), confidence \(confidence)"
    )
    self.steps = steps
    self.searches = searches
    self.rate = rate
    self.firstConstant = firstConstant
    self.confidence = confidence
  }

  /// Euclidean.
  public var norm: VectorNorm { .l2 }

  /// The closest of all points on the way that reach the goal with the confidence. A sample that reaches it unchanged leaves
  /// at once.
  ///
  /// - Precondition: the goal is about classes.
  public func closest(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var best = BestPoints(x)
    var standing = StandingSamples(x, goal: goal, keys: keys)
    if standing.isEmpty { return x }
    let logits = model.logits(x)
    let offers = certain(standing.offers(logits), goal.requiredAim(for: self), logits)
    best.offerClosest(x, offers, distances: [Double](repeating: 0, count: x.shape[0]))
    _ = standing.release(offers)
    var constants = [Double](repeating: firstConstant, count: x.shape[0])
    var failed = [Double](repeating: 0, count: x.shape[0])
    var worked = [Double](repeating: .infinity, count: x.shape[0])
    for search in 0..<searches where !standing.isEmpty {
      // the last of many searches takes a c that is sure to work, once more
      if search == searches - 1 && searches >= 10 { constants = worked.map { min($0, 1e10) } }
      let found = descend(standing, constants, against: model, &best)
      for sample in constants.indices {
        if found.contains(sample) {
          worked[sample] = constants[sample]
        } else {
          failed[sample] = constants[sample]
        }
        constants[sample] =
          worked[sample].isFinite ? (failed[sample] + worked[sample]) / 2 : 10 * constants[sample]
      }
    }
    return best.points
  }

  /// All steps with these constants, one a sample; returns the samples for which something was found.
  private func descend(
    _ all: StandingSamples<some Goal>, _ constants: [Double], against model: some Classifier,
    _ best: inout BestPoints
  ) -> Set<Int> {
    var batch = all
    let space = AttackSpace(model.inputRange)
    var w = space.coordinates(of: batch.inputs)
    var (mean, square) = (Tensor.zeros(shape: w.shape), Tensor.zeros(shape: w.shape))
    var found: Set<Int> = []
    var losses = [Double](repeating: .infinity, count: constants.count)
    let checkEvery = max(1, (steps + 9) / 10)
    for step in 1...steps where !batch.isEmpty {
      let point = space.points(at: w)
      let aim = batch.goal.requiredAim(for: self)
      let hinge = Hinge(wanted: aim, factors: batch.samples.map { constants[$0] }, confidence: confidence)
      let (logits, slope) = model.logitsAndInputGradient(at: point, goal: hinge)
      let offers = batch.offers(logits)
      let distances = point.distances(to: batch.inputs, in: .l2)
      let reaching = certain(offers, aim, logits)
      best.offerClosest(point, reaching, distances: distances)
      found.formUnion(reaching.map(\.sample))
      let gradient = (2 * (point - batch.inputs) - slope) * space.slope(at: w)
      AdamUpdate(rate: rate, step: step).apply(to: &w, gradient: gradient, mean: &mean, square: &square)
      if step % checkEvery == 0 {
        let terms = hinge.objectives(logits).scalars
        let idle = offers.filter { offer in
          let loss = distances[offer.row] * distances[offer.row] - Double(terms[offer.row])
          defer { losses[offer.sample] = loss }
          return !(loss <= 0.9999 * losses[offer.sample])
        }
        if let rows = batch.release(rows: idle.map(\.row)) {
          (w, mean, square) = (w.gathered(rows: rows), mean.gathered(rows: rows), square.gathered(rows: rows))
        }
      }
    }
    return found
  }

  /// The offers that reach the goal with the confidence.
  private func certain(_ offers: [PointOffer], _ aim: ClassAim, _ logits: Tensor) -> [PointOffer] {
    let margins = Margin(aim).objectives(logits).scalars
    return offers.filter { $0.isReached && margins[$0.row] >= confidence }
  }

  /// The settings.
  public var description: String {
    "Carlini-Wagner, l2, \(searches) searches of \(steps) steps of \(rate) from c = \(firstConstant)"
      + (confidence > 0 ? ", confidence \(confidence)" : "")
  }
}

/// `−c max(κ − margin, 0)`, with c one a sample.
private struct Hinge: LogitGoal {
  let wanted: ClassAim
  let factors: [Double]
  let confidence: Float

  var aim: ClassAim? { wanted }
  func part(_ rows: [Int]) -> Hinge? {
    Hinge(wanted: wanted.part(rows), factors: rows.map { factors[$0] }, confidence: confidence)
  }
  func isReached(_ logits: Tensor) -> [Bool] { wanted.isReached(logits) }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    let (own, sign) = (wanted.classes[sample], wanted.isTargeted ? 1.0 : -1.0)
    let rival = row.best(but: own)
    let missing = Double(confidence) - sign * (Double(row[own]) - Double(row[rival]))
    if !(missing > 0) { return 0 }
    slope?[own] += Float(sign * factors[sample])
    slope?[rival] -= Float(sign * factors[sample])
    return -factors[sample] * missing
  }
}

/// Unbounded coordinates for the points of a range.
private struct AttackSpace {
  private let range: ClosedRange<Float>
  private let isBounded: Bool
  private let middle: Float
  private let half: Float

  init(_ range: ClosedRange<Float>) {
    self.range = range
    isBounded = range.lowerBound.isFinite && range.upperBound.isFinite
    middle = isBounded ? (range.lowerBound + range.upperBound) / 2 : 0
    half = isBounded ? (range.upperBound - range.lowerBound) / 2 : 1
  }

  /// w, slightly inside the range, whose ends have none.
  func coordinates(of x: Tensor) -> Tensor {
    guard isBounded else { return x }
    var w = x
    w.withUnsafeMutableBufferPointer { values in
      for i in values.indices { values[i] = Float(atanh(0.999999 * Double((values[i] - middle) / half))) }
    }
    return w
  }

  /// `middle + half · tanh(w)`.
  func points(at w: Tensor) -> Tensor {
    (isBounded ? middle + half * w.tanh() : w).clamped(to: range)
  }

  /// The derivative of the points with respect to w.
  func slope(at w: Tensor) -> Tensor { isBounded ? half * (1 - w.tanh().squared()) : .ones(shape: w.shape) }
}

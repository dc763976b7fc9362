import Foundation
import TensorCore

/// The smallest radius at which an attack succeeds, for each sample, by halving an interval on a grid of radii.
///
/// A search is no theorem: an attack that fails at one radius may succeed at a smaller one. What comes out is a point that
/// reaches the goal, whose distance is at most the radius of the grid at which it was found, and the attack failed at the
/// grid's next smaller radius; no promise is made about radii below that. A point found closer than its radius shortens the
/// interval to its own distance.
public struct MinimalRadius<Method: Attack>: MinimalAttack where Method.Allowed: NormBall {
  /// The largest radius that is tried.
  public let largest: Float
  /// How often the interval is halved: the grid has the step `largest / 2^halvings`.
  public let halvings: Int
  private let attack: @Sendable (_ radius: Float) -> Method

  /// A search over radii.
  ///
  /// - Parameters:
  ///   - largest: the largest radius.
  ///   - tolerance: how fine the grid of radii is at least.
  ///   - attack: the attack for a radius; its budget has that radius.
  /// - Precondition: 0 < tolerance ≤ largest.
  public init(
    upTo largest: Float, tolerance: Float, attack: @escaping @Sendable (_ radius: Float) -> Method
  ) {
    precondition(
      tolerance > 0 && largest >= tolerance && largest.isFinite,
      "MinimalRadius: tolerance \(tolerance), largest radius \(largest)")
    self.largest = largest
    halvings = Int(log2(Double(largest) / Double(tolerance)).rounded(.up))
    self.attack = attack
  }

  /// The budget's norm.
  public var norm: VectorNorm { Method.Allowed.norm }

  /// The closest point of all that the attack found. A sample draws the same numbers at every radius.
  public func closest(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    if batch.isEmpty { return x }
    let unchanged = batch.offers(model.logits(x)).filter(\.isReached)
    best.offerClosest(x, unchanged, distances: [Double](repeating: 0, count: x.shape[0]))
    _ = batch.release(unchanged)
    // radii are counted in steps of the grid
    let all = 1 << halvings
    let gridStep = Double(largest) / Double(all)
    var failed = [Int](repeating: 0, count: x.shape[0])
    var worked = [Int](repeating: all + 1, count: x.shape[0])
    while true {
      let open = batch.offers().filter { worked[$0.sample] - failed[$0.sample] > 1 }
      if open.isEmpty { return best.points }
      let byRadius = Dictionary(grouping: open) { offer in
        worked[offer.sample] > all ? all : (failed[offer.sample] + worked[offer.sample]) / 2
      }
      for (radius, offers) in byRadius.sorted(by: { $0.key < $1.key }) {
        let part = batch.part(rows: offers.map(\.row))
        let method = attack(Float(gridStep * Double(radius)))
        let point = method.perturb(part.inputs, against: model, goal: part.goal, keys: part.keys)
        let distances = point.distances(to: part.inputs, in: norm)
        let results = part.offers(model.logits(point))
        let reaching = results.filter { $0.isReached && distances[$0.row] <= Double(method.budget.radius) }
        best.offerClosest(point, reaching, distances: distances)
        let fallen = Set(reaching.map(\.sample))
        for result in results {
          if fallen.contains(result.sample) {
            let steps = (distances[result.row] / gridStep).rounded(.up)
            worked[result.sample] = min(radius, Int(steps))
          } else {
            failed[result.sample] = radius
          }
        }
      }
    }
  }

  /// The attack and its radii.
  public var description: String {
    "smallest radius up to \(largest) in 2^\(halvings) steps, \(attack(largest))"
  }
}

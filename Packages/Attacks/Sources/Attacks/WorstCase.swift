import TensorCore

/// The worst case over a list of attacks with the same budget: each is tried on the samples that have stood all before it.
///
/// A sample whose input already reaches the goal stays as it is. Samples that no attack brings to the goal keep the point
/// with the largest objective. Attack i draws from a key of its own, so that a longer list never finds less.
public struct WorstCase<Allowed: Budget>: Attack {
  /// What each attack may do to an input.
  public let budget: Allowed
  /// The attacks in the order in which they are tried.
  public let attacks: [any Attack<Allowed>]

  /// The worst case over these attacks, the cheapest best first.
  ///
  /// - Precondition: there is at least one attack, and all have the same budget.
  public init(_ attacks: [any Attack<Allowed>]) {
    guard let first = attacks.first else { preconditionFailure("WorstCase: no attacks") }
    budget = first.budget
    for attack in attacks {
      precondition(
        "\(attack.budget)" == "\(first.budget)", "WorstCase: budgets \(first.budget) and \(attack.budget)")
    }
    self.attacks = attacks
  }

  /// The attacks one after the other, each on a smaller batch. Attack i draws from a key's `derived(i)`.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var trace: AttackTrace?
    return search(x, model, goal, keys, tracing: &trace)
  }

  /// The same with a run for each attack, and before them one for the unchanged input: run i of the trace, of no steps, is
  /// what attack i − 1 came to. `components(of:)` reads it.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    var trace: AttackTrace? = AttackTrace(steps: 0, runs: attacks.count + 1, count: x.shape[0])
    let changed = search(x, model, goal, keys, tracing: &trace)
    trace?.complete()
    return (changed, trace)
  }

  private func search(
    _ x: Tensor, _ model: some Classifier, _ goal: some Goal, _ keys: [RandomKey],
    tracing trace: inout AttackTrace?
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    for run in 0...attacks.count where !batch.isEmpty {
      let point =
        run == 0
        ? batch.inputs
        : attacks[run - 1].perturb(
          batch.inputs, against: model, goal: batch.goal, keys: batch.keys.map { $0.derived(run - 1) })
      let offers = batch.offers(model.logits(point))
      trace?.append(offers, distances: budget.distances(point, batch.inputs))
      best.offer(point, offers)
      _ = batch.release(offers)
    }
    return best.points
  }

  /// What one attack of the list added.
  public struct Component: Sendable, Hashable {
    /// The attack with its settings, or "unchanged input".
    public let attack: String
    /// The samples that it brought to the goal, of those that had stood all before it.
    public let reached: Proportion
    /// The samples that stand after it, of all. In an untargeted attack this is the robust accuracy.
    public let standing: Proportion
  }

  /// What each attack added, the unchanged inputs first; which sample fell to which attack stands in the trace's
  /// `runsToSuccess`.
  ///
  /// - Precondition: the result is one of this attack, judged with `traces`.
  public func components(of result: AttackResult) -> [Component] {
    guard let trace = result.trace, trace.runs == attacks.count + 1, trace.steps == 0 else {
      preconditionFailure("WorstCase: \(result.attack) was judged without traces, or is another attack")
    }
    let fell = trace.runsToSuccess
    return (["unchanged input"] + attacks.map(\.description)).enumerated().map { run, name in
      let tried = fell.filter { $0 ?? .max >= run }
      return Component(
        attack: name, reached: Proportion(tried.map { $0 == run }),
        standing: Proportion(fell.map { $0 ?? .max > run }))
    }
  }

  /// The attacks in their order.
  public var description: String {
    "worst case of " + attacks.map { "(\($0))" }.joined(separator: ", ")
  }
}

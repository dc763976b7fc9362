import Compression
import NNLayers
import Reporting
import TensorCore

/// How long one network's forms take, timed in turn (requirements D4.142, D4.143).
struct PruningTimes {
  /// One way to compute answers, in one setting.
  struct Row {
    let form: String
    /// Per cent of zeros; nil where that is not the point.
    let percent: Int?
    let batch: Int
    let threads: Int
    let latency: Latency
    /// The median over the rounds of its time divided by that of the fastest dense way.
    let ratio: Double
    /// Whether this is a measured plan that left every layer dense, and so computes what the dense plan does.
    let isDense: Bool
  }

  let forms: CompressedForms
  let rows: [Row]
  /// The plans that were chosen layer by layer, with what they were measured for.
  let chosen: [(title: String, plan: MeasuredPlan)]
  /// Where forced sparse is as fast as dense, by batch size.
  let breakEven: [(batch: Int, measured: BreakEvenSparsity)]
  /// The largest difference of sparse logits from dense ones, relative to the largest logit.
  let largestDifference: Double

  var run: PruningRun { forms.run }

  static let dense = "dense"
  static let forcedGlobal = "forced sparse, global"
  static let forcedUniform = "forced sparse, uniform"
  static let measuredGlobal = "measured plan, global"
  static let measuredUniform = "measured plan, uniform"

  private static func title(_ form: String, _ percent: Int, batch: Int, threads: Int) -> String {
    "\(form), \(percent) %, batch \(batch), threads \(threads)"
  }

  /// The time of a form; nil where it was not timed so.
  func row(_ form: String, percent: Int? = nil, batch: Int, threads: Int) -> Row? {
    rows.first {
      $0.form == form && $0.percent == percent && $0.batch == batch && $0.threads == threads
    }
  }

  init(_ forms: CompressedForms, _ plan: PrunePlan) throws {
    self.forms = forms
    let run = forms.run
    let percents = plan.percents
    let uniform = try percents.map { try Allocation.uniform.pruned(run.original.model, percent: $0) }
    let models = [
      (Self.forcedGlobal, Self.measuredGlobal, run.networks.map(\.tuned)),
      (Self.forcedUniform, Self.measuredUniform, uniform),
    ]
    let images = try run.images.batch(16).inputs
    var (rows, chosen): ([Row], [(title: String, plan: MeasuredPlan)]) = ([], [])
    var largest = 0.0
    let before = ThreadPool.threadCount
    defer { ThreadPool.threadCount = before }
    for threads in PrunePlan.timedThreads {
      ThreadPool.threadCount = threads
      for size in PrunePlan.timedBatches {
        let x = images.gathered(rows: (0..<size).map { $0 % images.shape[0] })
        var timed: [(form: String, percent: Int?, plan: any InferencePlan)] = [
          (Self.dense, nil, forms.original.plan)
        ]
        for (forced, measured, models) in models {
          for (percent, model) in zip(percents, models) {
            // a large batch at low sparsity takes long and tells nothing
            guard size == 1 || percent >= PrunePlan.compared else { continue }
            let sparse = try model.sparsePlan(run.sample)
            timed.append((forced, percent, sparse))
            let dense = try model.prepared(for: run.sample).logits(x)
            largest = max(largest, dense.largestRelativeDifference(from: sparse.logits(x)))
            // choosing takes many times as long as using the choice
            let isMain = measured == Self.measuredGlobal && threads == PrunePlan.timedThreads.max()
            guard isMain || percent == PrunePlan.compared else { continue }
            let choice = try model.measuredPlan(on: x, rounds: plan.timing.layerRounds)
            chosen.append(
              (Self.title(measured, percent, batch: size, threads: threads), choice))
            timed.append((measured, percent, choice.plan))
          }
        }
        for form in forms.others where form.name != forms.distilled.name {
          timed.append((form.name, nil, form.plan))
        }
        var seconds = [[Double]](repeating: [], count: timed.count)
        LatencyComparison.inTurn(timed.count, rounds: plan.timing.rounds, warmUps: plan.timing.warmUps) {
          place, counts in
          // a short call needs its weights in the cache, from which the other forms have driven them
          let latency = Latency(runs: 1, warmUps: size == 1 ? 1 : 0) { _ = timed[place].plan.logits(x) }
          if counts { seconds[place] += latency.seconds }
        }
        let comparison = LatencyComparison(seconds: seconds)
        rows += timed.enumerated().map { place, one in
          let title = one.percent.map { Self.title(one.form, $0, batch: size, threads: threads) }
          return Row(
            form: one.form, percent: one.percent, batch: size, threads: threads,
            latency: comparison.latency(of: place), ratio: comparison.ratio(of: place, to: 0),
            isDense: chosen.first { $0.title == title }?.plan.isDense ?? false)
        }
      }
    }
    ThreadPool.threadCount = before
    breakEven = try PrunePlan.timedBatches.map { size in
      let x = images.gathered(rows: (0..<size).map { $0 % images.shape[0] })
      return (
        size,
        try BreakEvenSparsity(
          of: run.original.model, on: x, sparsities: plan.breakEvenSparsities, rounds: plan.timing.layerRounds
        )
      )
    }
    self.rows = rows
    self.chosen = chosen
    largestDifference = largest
  }
}

extension Layer {
  /// Every layer that can be computed sparsely is.
  fileprivate func sparsePlan(_ sample: Shape) throws -> EvaluationPlan {
    try prepared(for: sample, executions: executions(.sparse, for: sample))
  }
}

extension Tensor {
  /// max |a - b| / max |a|.
  fileprivate func largestRelativeDifference(from other: Tensor) -> Double {
    Double((self - other).absolute().max()) / Double(absolute().max())
  }
}

/// Times, choices and where sparse begins to pay.
func reportTimes(_ times: [PruningTimes], _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Time")
  report.report.addParagraph(
    "All forms of one network are timed in turn, \(plan.timing.rounds) rounds after \(plan.timing.warmUps) that do not count, so "
      + "that what slows the machine slows all; of one image each form is called once before its timed call, so that its weights "
      + "are in the cache. Dense is the original network's plan, the fastest dense way known here. Forced "
      + "sparse: every layer computes only products with weights that are not 0. Measured plan: each layer is timed in "
      + "each of its ways, and leaves dense only where another is faster by more than the noise. Uniform: the same share of zeros "
      + "in every layer, since global pruning spares the convolutions, which cost the time, and empties the large linear layer."
  )
  for one in times {
    let name = one.run.name
    try report.addPrinted(table(one), file: "times_\(name).csv")
    try report.addPrinted(breakEvens(one), file: "break_even_\(name).csv")
    let text = one.chosen.map { "\($0.title)\n\($0.plan)\n" }.joined(separator: "\n")
    try report.add(preformatted: text, file: "choices_\(name).txt")
    print("\(one.run.title): the way of each layer\n\(text)")
  }
  report.addPrinted(times.flatMap { judgement($0) })
}

private func table(_ one: PruningTimes) -> Table {
  var table = Table(
    "Time of a call, \(one.run.title)",
    columns: [
      "Form", "Zeros", "Batch", "Threads", "Rounds", "Median, ms", "95 % of calls below, ms", "Times dense",
      "Faster than dense",
    ],
    note:
      "Times dense: the median over the rounds of the form's time divided by the dense plan's in the same round."
  )
  for row in one.rows {
    table.append([
      .text(row.form), row.percent.map { .text("\($0) %") } ?? .empty, .integer(row.batch),
      .integer(row.threads), .integer(row.latency.seconds.count), .number(row.latency.median * 1e3),
      .number(row.latency.percentile95 * 1e3), .number(row.ratio, decimals: 3),
      .number(1 / row.ratio, decimals: 2),
    ])
  }
  return table
}

private func breakEvens(_ one: PruningTimes) -> Table {
  var table = Table(
    "Where sparse begins to pay, \(one.run.title)",
    columns: ["Batch", "Sparsity of every layer", "Dense, ms", "Forced sparse, ms", "Times dense"],
    note: "Medians, \(ThreadPool.threadCount) threads.")
  for (batch, measured) in one.breakEven {
    for point in measured.points {
      table.append([
        .integer(batch), .percent(point.sparsity, decimals: 0), .number(point.denseSeconds * 1e3),
        .number(point.sparseSeconds * 1e3), .number(point.ratio, decimals: 3),
      ])
    }
  }
  return table
}

/// What was to be reached, and whether it was.
private func judgement(_ one: PruningTimes) -> [String] {
  var lines = one.breakEven.map { batch, measured in
    "\(one.run.title), batch \(batch): forced sparse is as fast as dense from "
      + (measured.sparsity.map { Table.Cell.percent($0, decimals: 1).text } ?? "no sparsity tried")
      + (measured.sparsity == nil ? " on (not reached)." : " zeros in every layer on.")
  }
  for (percent, least) in [(80, 0.9), (90, 1.5), (95, 2.5)] {
    for threads in PrunePlan.timedThreads {
      guard
        let row = one.row(PruningTimes.forcedUniform, percent: percent, batch: 16, threads: threads)
      else { continue }
      lines.append(
        "\(one.run.title), forced sparse, uniform \(percent) %, batch 16, threads \(threads): "
          + "\(Table.Cell.number(1 / row.ratio, decimals: 2).text) times as fast as dense, wanted \(least): "
          + (1 / row.ratio >= least ? "reached." : "missed."))
    }
  }
  let plans = one.rows.filter {
    $0.form == PruningTimes.measuredGlobal || $0.form == PruningTimes.measuredUniform
  }
  for (name, some) in [
    ("that differs from dense", plans.filter { !$0.isDense }),
    ("that is dense throughout", plans.filter(\.isDense)),
  ] {
    guard let slowest = some.max(by: { $0.ratio < $1.ratio }) else { continue }
    lines.append(
      "\(one.run.title): the slowest measured plan \(name) takes \(Table.Cell.number(slowest.ratio, decimals: 3).text) times as long as dense "
        + "(at most 1.05 wanted: \(slowest.ratio <= 1.05 ? "reached" : "missed")), \(slowest.form), batch \(slowest.batch), "
        + "threads \(slowest.threads).")
  }
  let share = Double(one.forms.structured.multiplyAdds) / Double(one.forms.original.multiplyAdds)
  for row in one.rows where row.form == one.forms.structured.name {
    lines.append(
      "\(one.run.title), half the channels, batch \(row.batch), threads \(row.threads): \(Table.Cell.number(share, decimals: 2).text) of "
        + "the multiply-adds, \(Table.Cell.number(row.ratio, decimals: 2).text) of the time.")
  }
  for row in one.rows where row.form == one.forms.int8.name {
    lines.append(
      "\(one.run.title), 8-bit, batch \(row.batch), threads \(row.threads): \(Table.Cell.number(1 / row.ratio, decimals: 2).text) times as "
        + "fast as dense in floats.")
  }
  lines.append(
    "\(one.run.title): logits of forced sparse differ from those of the masked network computed densely by at most "
      + "\(Table.Cell.significant(one.largestDifference).text) of the largest logit.")
  return lines
}

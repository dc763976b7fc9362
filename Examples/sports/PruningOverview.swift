import Compression
import ProgramSupport
import Reporting
import TensorCore

/// All that was measured of one network's pruning.
struct PruningOverview {
  let run: PruningRun
  let forms: CompressedForms
  let times: PruningTimes
  let robustness: PruningRobustness

  /// One sparsity with what the document tabulates; nil per cent is the original.
  struct Point {
    let percent: Int?
    let form: CompressedForm
    let before: Answers?
    let parameters: Int
    let attacked: AttackedForm
    /// Of the measured plan, of one image and of 16, on the most threads timed.
    let milliseconds: [Double?]

    var title: String { percent.map { "\($0) %" } ?? "original" }
  }

  var points: [Point] {
    func milliseconds(_ percent: Int?) -> [Double?] {
      PrunePlan.timedBatches.map { batch in
        let name = percent == nil ? PruningTimes.dense : PruningTimes.measuredGlobal
        return times.row(name, percent: percent, batch: batch, threads: Self.threads).map {
          $0.latency.median * 1e3
        }
      }
    }
    let original = Point(
      percent: nil, form: forms.original, before: nil,
      parameters: SparsityReport(of: run.original.model).nonzeroParameterCount,
      attacked: robustness.original, milliseconds: milliseconds(nil))
    return [original]
      + run.networks.indices.map { place in
        let one = run.networks[place]
        return Point(
          percent: one.percent, form: forms.pruned[place], before: one.before,
          parameters: one.report.nonzeroParameterCount, attacked: robustness.pruned[place],
          milliseconds: milliseconds(one.percent))
      }
  }

  /// The threads that single numbers are for.
  static let threads = PrunePlan.timedThreads.max() ?? 1
}

/// The document's three plots (requirements D4.89 to D4.92): pictures, and in letters for the terminal.
func drawPruning(_ overviews: [PruningOverview], _ report: inout ReportFolder) throws {
  report.report.addHeading("Plots")
  let sparsity = Axis("Sparsity", unit: .percent, range: 0...1)
  var accuracy = LineChart(
    "Accuracy against sparsity", x: sparsity, y: Axis("Accuracy, test images", unit: .percent, range: 0...1))
  var latency = LineChart(
    "Time of one image against sparsity", x: sparsity, y: Axis("Median, ms", scale: .logarithmic))
  var parameters = LineChart(
    "Parameters that are not 0 against sparsity", x: sparsity, y: Axis("Parameters", scale: .logarithmic))
  for (color, one) in overviews.enumerated() {
    let places = one.points.map { Double($0.percent ?? 0) / 100 }
    let after = one.points.map(\.form.answers.testAccuracy)
    let before = one.points.map { ($0.before ?? $0.form.answers).testAccuracy.estimate }
    accuracy.series += [
      .init(
        "\(one.run.title), fine-tuned", x: places, y: after.map(\.estimate),
        band: after.map { $0.interval() },
        showsPoints: true, color: color),
      .init(
        "\(one.run.title), before", x: places, y: before, style: .dashed, showsPoints: true, color: color),
    ]
    func times(_ form: String) -> LineChart.Series {
      let values = one.points.map { point in
        one.times.row(
          point.percent == nil ? PruningTimes.dense : form, percent: point.percent, batch: 1,
          threads: PruningOverview.threads
        ).map { $0.latency.median * 1e3 } ?? .nan
      }
      return .init(
        "\(one.run.title), \(form)", x: places, y: values,
        style: form == PruningTimes.measuredGlobal ? .solid : .dashed, showsPoints: true, color: color)
    }
    latency.series += [times(PruningTimes.measuredGlobal), times(PruningTimes.forcedGlobal)]
    parameters.series.append(
      .init(
        one.run.title, x: places, y: one.points.map { Double($0.parameters) }, showsPoints: true, color: color
      ))
  }
  let plots = [
    ("accuracy", accuracy, "Bands: 95 % intervals after fine-tuning; dashed: before it."),
    (
      "latency", latency,
      "One image, \(PruningOverview.threads) threads; at 0 the dense network; dashed: forced sparse."
    ),
    ("parameters", parameters, "Biases and batch norm included."),
  ]
  for (place, (name, chart, caption)) in plots.enumerated() {
    try report.add(chart, file: "figures/problem_c/\(name).png", caption: caption)
    let text = "Plot \(place + 1). " + chart.text()
    print(text)
    try report.add(preformatted: text, file: "figures/problem_c/\(name).txt")
  }
}

/// The whole of problem C in tables, a choice, sentences and the headline (requirements D4.87, D4.88, D4.100, D4.108).
func summarizePruning(
  _ overviews: [PruningOverview], _ plan: PrunePlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Summary")
  for one in overviews { try report.addPrinted(overall(one), file: "pruning_\(one.run.name).csv") }
  for one in overviews {
    let text = block(one)
    print(text)
    try report.add(preformatted: text, file: "best_\(one.run.name).txt")
  }
  report.addPrinted(overviews.flatMap { conclusions($0) })
  try addHeadline(overviews, &report)
}

private func milliseconds(_ value: Double?) -> Table.Cell { value.map { .number($0, decimals: 3) } ?? .empty }

private func overall(_ one: PruningOverview) -> Table {
  var table = Table(
    "Every sparsity, \(one.run.title)",
    columns: [
      "Sparsity", "Before fine-tuning", "After fine-tuning", "Recovery rate", "p against original",
      "Parameters", "Not 0", "Compression", "File, MiB", "Batch 1, ms", "Batch 16, ms", "FGSM success",
      "PGD success",
    ],
    note:
      "Test images. Times: median of the measured plan (of the original: dense), \(PruningOverview.threads) threads; empty where "
      + "not timed. Success of attacks among images first classified correctly, eps 0.03. File as deployed.")
  let all = SparsityReport(of: one.run.original.model).parameterCount
  for point in one.points {
    table.append([
      .text(point.title), point.before.map { .proportion($0.testAccuracy) } ?? .empty,
      .proportion(point.form.answers.testAccuracy),
      point.percent == nil
        ? .empty
        : point.form.answers.recovery(of: one.run.answers).map { .percent($0, decimals: 1) } ?? .empty,
      point.percent == nil ? .empty : .significant(point.form.answers.mcNemar(one.run.answers).pValue),
      .integer(all), .integer(point.parameters),
      .number(Double(all) / Double(point.parameters), decimals: 2),
      .number(point.form.mebibytes, decimals: 3),
      milliseconds(point.milliseconds[0]), milliseconds(point.milliseconds[1]),
      .proportion(point.attacked.attacked[PrunePlan.fgsm].result.successAmongCorrect),
      .proportion(point.attacked.attacked[PrunePlan.pgd].result.successAmongCorrect),
    ])
  }
  return table
}

extension PruningOverview.Point {
  /// What speaks against this sparsity; nothing for one that may be taken.
  func objections(_ original: PruningOverview.Point) -> [String] {
    var found: [String] = []
    let test = form.answers.mcNemar(original.form.answers)
    if test.pValue < significance && test.onlyFirst < test.onlySecond {
      found.append("less accurate on test images")
    }
    let loss =
      original.form.answers.trainingAccuracy.estimate - form.answers.trainingAccuracy.estimate
    if loss > 0.01 { found.append("\(points(-loss)) points on training images") }
    let (mine, theirs) = (attacked.attacked[PrunePlan.fgsm], original.attacked.attacked[PrunePlan.fgsm])
    let robust = McNemarTest(
      first: mine.result.records.map(\.isRobust), second: theirs.result.records.map(\.isRobust))
    if robust.pValue < significance && robust.onlyFirst < robust.onlySecond {
      found.append("less robust to FGSM")
    }
    if let time = milliseconds[0], let dense = original.milliseconds[0], time > 1.05 * dense {
      found.append("slower")
    }
    return found
  }
}

/// The best sparsity (requirement D4.100).
private func block(_ one: PruningOverview) -> String {
  let original = one.points[0]
  let judged = one.points.dropFirst().map { ($0, $0.objections(original)) }
  let best = judged.last { $0.1.isEmpty }?.0
  func line(_ name: String, _ value: String) -> String {
    "|  " + name + String(repeating: " ", count: max(1, 22 - name.count)) + value
  }
  func text(_ rate: Proportion) -> String { Table.Cell.proportion(rate).text }
  func change(_ value: Double?, _ old: Double?, decimals: Int, _ unit: String) -> String {
    guard let value, let old else { return "not timed" }
    return
      "\(Table.Cell.number(old, decimals: decimals).text) -> \(Table.Cell.number(value, decimals: decimals).text) \(unit)"
  }
  var lines = [
    "+---- \(one.run.title): best sparsity \(best?.title ?? "none") " + String(repeating: "-", count: 40)
  ]
  if let best {
    lines += [
      line("Accuracy", text(best.form.answers.testAccuracy)),
      line("  original", text(original.form.answers.testAccuracy)),
      line("Parameters not 0", "\(original.parameters) -> \(best.parameters)"),
      line("File", change(best.form.mebibytes, original.form.mebibytes, decimals: 3, "MiB")),
      line("One image", change(best.milliseconds[0], original.milliseconds[0], decimals: 3, "ms")),
      line("FGSM success", text(best.attacked.attacked[PrunePlan.fgsm].result.successAmongCorrect)),
      line("  original", text(original.attacked.attacked[PrunePlan.fgsm].result.successAmongCorrect)),
    ]
  }
  lines.append(
    "|  Rule: the largest sparsity that is not shown to be less accurate on test images, loses at most 1 point on"
  )
  lines.append("|  training images, is not shown to be less robust to FGSM, and is at most 5 % slower.")
  lines += judged.filter { !$0.1.isEmpty }.map { "|  Not \($0.0.title): \($0.1.joined(separator: ", "))." }
  return lines.joined(separator: "\n") + "\n+" + String(repeating: "-", count: 60) + "\n"
}

/// What was achieved and what it shows, from the numbers.
private func conclusions(_ one: PruningOverview) -> [String] {
  let original = one.points[0]
  func number(_ value: Double, _ decimals: Int = 2) -> String {
    Table.Cell.number(value, decimals: decimals).text
  }
  guard let compared = one.points.first(where: { $0.percent == PrunePlan.compared }) else { return [] }
  let difference = compared.form.answers.testAccuracy.estimate - original.form.answers.testAccuracy.estimate
  let p = compared.form.answers.mcNemar(original.form.answers).pValue
  let half = Double(one.forms.structured.multiplyAdds) / Double(original.form.multiplyAdds)
  return [
    "\(one.run.title): \(compared.title) of the weights removed, the file is \(number(original.form.mebibytes / compared.form.mebibytes)) "
      + "times smaller, \(points(difference)) points on the test images "
      + (p < significance ? "(a difference, p = " : "(no difference shown, p = ")
      + "\(Table.Cell.significant(p).text)).",
    "\(one.run.title): 8 bits make the file \(number(original.form.mebibytes / one.forms.int8.mebibytes)) times smaller, half the "
      + "weights and 8 bits together \(number(original.form.mebibytes / one.forms.prunedInt8.mebibytes)) times.",
    "\(one.run.title): removing half of the channels leaves \(number(half)) of the multiply-adds for any dense kernel; zeros that are "
      + "scattered need sparse kernels and pay from "
      + (one.times.breakEven.last?.measured.sparsity.map {
        Table.Cell.percent($0, decimals: 0).text + " in every layer on"
      }
        ?? "no sparsity that was tried on") + ".",
  ]
}

private func addHeadline(_ overviews: [PruningOverview], _ report: inout ReportFolder) throws {
  for one in overviews {
    let name = one.run.name
    for point in one.points.dropFirst() {
      guard let percent = point.percent, let before = point.before else { continue }
      func add(_ what: String, _ value: Double) throws {
        try report.metrics.addHeadline("\(name)_\(what)_\(percent)", value)
      }
      try add("nonzero", Double(point.parameters))
      try add("accuracy_before", before.testAccuracy.estimate)
      try add("accuracy_after", point.form.answers.testAccuracy.estimate)
      try add("file_mib", point.form.mebibytes)
      if let milliseconds = point.milliseconds[0] { try add("latency_ms_batch_1", milliseconds) }
    }
    func median(_ form: String) -> Double {
      (one.times.row(form, batch: 1, threads: PruningOverview.threads)?.latency.median ?? 0) * 1e3
    }
    try report.metrics.addHeadline("\(name)_latency_dense_ms_batch_1", median(PruningTimes.dense))
    try report.metrics.addHeadline("\(name)_int8_latency_ms_batch_1", median(one.forms.int8.name))
    try report.metrics.addHeadline(
      "\(name)_int8_accuracy", one.forms.int8.answers.testAccuracy.estimate)
    // 1 where forced sparse never was as fast as dense
    try report.metrics.addHeadline(
      "\(name)_break_even_sparsity", one.times.breakEven.last?.measured.sparsity ?? 1)
  }
}

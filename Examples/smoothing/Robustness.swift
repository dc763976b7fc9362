import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network on the clean test images, under the document's two single steps, and under projected gradient in both norms.
struct Robustness {
  let network: Study.Network
  /// One gradient, one step; all test images.
  let l2, lInf: AttackResult
  /// Projected gradient within the same radii; the plan's images.
  let strongL2, strongLInf: AttackResult

  /// Runs the four attacks.
  init(_ network: Study.Network, _ study: Study) throws {
    let (plan, test) = (study.plan, study.data.test)
    self.network = network
    let strong = Array(0..<min(test.count, plan.strongImages ?? test.count))
    let progress = ProgressLine(
      "attacks on \(network.name)", total: 2 * (test.count + strong.count), unit: "images")
    let classifier = try network.classifier(study)
    func run(_ attack: some Attack, _ samples: [Int]?) throws -> AttackResult {
      var done = 0
      return try judge(
        attack, against: classifier, on: test, samples: samples,
        key: RandomKey(seed: study.options.seed).derived("attack"),
        progress: { reached, _ in
          progress.advance(by: reached - done)
          done = reached
        })
    }
    let (l2Ball, lInfBall) = (L2Ball(radius: plan.radius.l2), LInfBall(radius: plan.radius.lInf))
    l2 = try run(FastGradient(budget: l2Ball), nil)
    lInf = try run(FastGradient(budget: lInfBall), nil)
    strongL2 = try run(Self.strong(l2Ball, plan), strong)
    strongLInf = try run(Self.strong(lInfBall, plan), strong)
    progress.finish("L2 \(percent(l2)), L-infinity \(percent(lInf)) right")
  }

  /// Projected gradient with steps that together are two and a half radii long, from a random start.
  static func strong<Ball: Budget>(_ ball: Ball, _ plan: Plan) -> ProjectedGradient<Ball> {
    ProjectedGradient(budget: ball, stepSize: 2.5 * ball.radius / Float(plan.steps), steps: plan.steps)
  }

  /// The attacks' results with their names.
  var results: [(name: String, result: AttackResult)] {
    [("L2, one step", l2), ("L-inf, one step", lInf), ("L2, PGD", strongL2), ("L-inf, PGD", strongLInf)]
  }
}

private func percent(_ result: AttackResult) -> String {
  Table.Cell.percent(result.attackedAccuracy.estimate).text
}

extension Table {
  /// Accuracy of networks on clean and changed images, a row each (requirements D1.20, D1.33).
  init(accuracyOf robustness: [Robustness], title: String, _ study: Study) {
    let plan = study.plan
    self.init(
      title,
      columns: [
        "Network", "Clean accuracy", "L2, one step", "L-infinity, one step", "L2, projected gradient",
        "L-infinity, projected gradient",
      ],
      note:
        "Share of changed images that are classified rightly, whether or not the clean image was: so accuracy under "
        + "attack can exceed clean accuracy. Radii: L2 \(plan.radius.l2), L-infinity \(plan.radius.lInf). Projected "
        + "gradient: \(plan.steps) steps, random start. Every changed image was checked to lie in [0, 1] and within the "
        + "radius.")
    for one in robustness {
      append(
        [
          .text(one.network.name),
          .proportion(successes: one.network.test.correct, count: one.network.test.count),
        ]
          + one.results.map { .proportion($0.result.attackedAccuracy) })
    }
  }
}

/// Ten test images, one a digit, as they are and changed in both norms (requirement D1.15).
func drawExamples(_ robustness: Robustness, _ study: Study, _ report: inout ReportFolder) throws {
  let plan = study.plan
  let places = (0..<10).compactMap { study.data.test.places(of: $0).first }
  let classifier = try robustness.network.classifier(study)
  let key = RandomKey(seed: study.options.seed).derived("attack")
  func changed(_ attack: some Attack) throws -> AttackResult {
    try judge(attack, against: classifier, on: study.data.test, samples: places, keepsInputs: true, key: key)
  }
  let clean = try study.data.test.batch(at: places).inputs
  let l2 = try changed(FastGradient(budget: L2Ball(radius: plan.radius.l2)))
  let lInf = try changed(FastGradient(budget: LInfBall(radius: plan.radius.lInf)))
  func row(_ images: Tensor?, _ predictions: [AttackRecord.Prediction]) -> [ImageGrid.Tile?] {
    guard let images else { preconditionFailure("drawExamples: no images were kept") }
    return zip(l2.records, predictions).enumerated().map { place, pair in
      ImageGrid.Tile(
        images[row: place], above: "\(pair.1.label)",
        below: Table.Cell.percent(pair.1.confidence, decimals: 0).text,
        frame: pair.1.label == pair.0.label ? .right : .wrong)
    }
  }
  var grid = ImageGrid(
    title: "Ten test images, clean and changed",
    rowTitles: ["clean", "L2, eps \(plan.radius.l2)", "L-inf, eps \(plan.radius.lInf)"])
  grid.append(row: row(clean, l2.records.map(\.clean)))
  grid.append(row: row(l2.adversarialInputs, l2.records.map(\.adversarial)))
  grid.append(row: row(lInf.adversarialInputs, lInf.records.map(\.adversarial)))
  try report.add(
    grid, file: "examples.png",
    caption:
      "\(robustness.network.name): predicted class over each image, its probability below; the frame is green "
      + "where the prediction is right. The first test image of each digit; one gradient step.")
}

extension ReportFolder {
  /// Accuracy against the radius of both attacks in both norms: the sweep preset (requirement D1.28).
  mutating func addRadiusSweep(_ network: Study.Network, _ study: Study) throws {
    try addRadiusSweep(network, study, norm: "L-inf", study.plan.sweepRadii.lInf) { LInfBall(radius: $0) }
    try addRadiusSweep(network, study, norm: "L2", study.plan.sweepRadii.l2) { L2Ball(radius: $0) }
  }

  private mutating func addRadiusSweep<Ball: Budget>(
    _ network: Study.Network, _ study: Study, norm: String, _ radii: [Float], _ ball: (Float) -> Ball
  ) throws {
    let classifier = try network.classifier(study)
    let samples = Array(0..<min(study.data.test.count, study.plan.strongImages ?? study.data.test.count))
    let key = RandomKey(seed: study.options.seed).derived("attack")
    let progress = ProgressLine("\(norm) sweep on \(network.name)", total: radii.count, unit: "radii")
    var rates: [(single: Proportion, strong: Proportion)] = []
    for radius in radii {
      let single = try judge(
        FastGradient(budget: ball(radius)), against: classifier, on: study.data.test, samples: samples,
        key: key)
      let strong = try judge(
        Robustness.strong(ball(radius), study.plan), against: classifier, on: study.data.test,
        samples: samples,
        key: key)
      rates.append((single.attackedAccuracy, strong.attackedAccuracy))
      progress.advance()
    }
    progress.finish()
    var table = Table(
      "\(norm) radii, \(network.name)", columns: ["Radius", "One step", "Projected gradient"],
      note: "The first \(samples.count) test images.")
    for (radius, rate) in zip(radii, rates) {
      table.append([.number(Double(radius), decimals: 2), .proportion(rate.single), .proportion(rate.strong)])
    }
    try add(table, file: "sweep_\(norm.lowercased())_\(network.name).csv")
    print(table.text)
    var chart = LineChart(
      "Accuracy against \(norm) radius, \(network.name)", x: Axis("Radius"),
      y: Axis("Accuracy", unit: .percent, range: 0...1))
    for (name, values) in [("one step", rates.map(\.single)), ("projected gradient", rates.map(\.strong))] {
      chart.series.append(
        .init(
          name, x: radii.map(Double.init), y: values.map(\.estimate), band: values.map { $0.interval() },
          showsPoints: true))
    }
    try add(
      chart, file: "figures/sweep_\(norm.lowercased())_\(network.name).png",
      caption: "Bands are 95 % Clopper-Pearson intervals.")
  }
}

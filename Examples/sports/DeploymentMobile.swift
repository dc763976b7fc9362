import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Scenario 1, a phone: half of SimpleCNN's weights, changes of the input, a vote with the 8-bit form, and a detector
/// (requirement D4.105).
func reportMobile(
  _ run: PruningRun, _ forms: CompressedForms, _ study: Study, _ plan: PrunePlan,
  _ report: inout ReportFolder
) throws {
  report.report.addHeading("Mobile: half of \(run.title)'s weights", depth: 2)
  let bare = PlanClassifier(try run[50].tuned.prepared(for: run.sample))
  let bytes = PlanClassifier(forms.prunedInt8.plan)
  let squeezers: [any InputTransformation] = [JPEGCompression(quality: 75), BitDepthReduction(bits: 5)]
  let scenario = try DeploymentScenario(
    "Mobile, \(run.title) 50 % pruned", name: "mobile",
    [
      ("50 % pruned", bare), ("8-bit form", bytes), ("\(squeezers[0])", bare.behind([squeezers[0]])),
      ("\(squeezers[1])", bare.behind([squeezers[1]])),
      ("vote of both forms", MajorityVote([bare, bytes])),
      (
        "\(squeezers[0]), \(squeezers[1]), vote",
        MajorityVote([bare.behind(squeezers), bytes.behind(squeezers)])
      ),
    ], study, plan)
  try report.addPrinted(
    scenario.table(plan, note: "Of two votes that differ, the surer one counts."),
    file: "deployment_mobile.csv")
  report.addPrinted(scenario.conclusions)
  try scenario.addHeadline(&report)
  let detection = try Detection(bare, squeezers + [MedianSmoothing(size: 2)], scenario.samples, study, plan)
  try report.addPrinted(detection.table, file: "deployment_detector.csv")
  if !detection.chart.series.isEmpty {
    try report.add(
      detection.chart, file: "figures/problem_c/detector.png",
      caption:
        "\(detection.detector): how many attacked images it finds against how many clean ones it suspects. Dashed: the attack knows "
        + "of it.")
  }
  if let aware = detection.rows.last?.curve?.area {
    try report.metrics.addHeadline("deployment_mobile_detector_area_aware", aware)
  }
}

/// A detector beside attacks that do and that do not know of it.
private struct Detection {
  struct Row {
    let attack: String
    /// Attacked images that deceive the classifier: what is to be found.
    let deceived: Int
    /// Of these, with scores above the threshold.
    let found: Proportion?
    let curve: ReceiverOperatingCharacteristic?
    let isAware: Bool
  }
  let detector: FeatureSqueezing<PlanClassifier>
  let threshold: AlarmThreshold?
  /// On clean images that the threshold was not chosen from.
  let falseAlarms: Proportion
  let rows: [Row]
  static let rate = 0.1

  /// Half of the images choose the threshold, the other half judges it; the curves need none and take all.
  init(
    _ bare: PlanClassifier, _ squeezers: [any InputTransformation], _ samples: AttackedSamples,
    _ study: Study,
    _ plan: PrunePlan
  ) throws {
    let detector = FeatureSqueezing(bare, squeezers: squeezers)
    self.detector = detector
    let batch = try samples.batch()
    let clean = detector.scores(of: batch.inputs)
    // the images stand one of each class in turn, so every ten of them have all classes
    let calibration = clean.indices.filter { $0 / 10 % 2 == 0 }
    let judged = clean.indices.filter { $0 / 10 % 2 == 1 }
    // too few images for the rate leave no threshold
    let threshold = try? AlarmThreshold(
      calibratedOn: calibration.map { clean[$0] }, falseAlarmRate: Self.rate)
    self.threshold = threshold
    falseAlarms = Proportion(threshold?.alarms(judged.map { clean[$0] }) ?? [])
    let key = RandomKey(seed: study.options.seed).derived("deployment").derived("detector")
    func changed(_ radius: Float, _ classifier: some Classifier) throws -> Tensor {
      let attack = ProjectedGradient(
        budget: LInfBall(radius: radius), stepSize: radius / 4, steps: plan.attacks.steps)
      let result = try judge(
        attack, against: classifier, on: samples.source, samples: samples.places, keepsInputs: true, key: key)
      guard let inputs = result.adversarialInputs else {
        preconditionFailure("Detection: no images were kept")
      }
      return inputs
    }
    let radii = plan.deploymentRadii
    rows = try [radii.small, radii.large].flatMap { radius in
      try [false, true].map { isAware in
        let inputs =
          isAware ? try changed(radius, detector.underAttack) : try changed(radius, bare)
        let wrong = bare.logits(inputs).argmax(alongAxis: 1).scalars
        let rows = batch.labels.scalars.indices.filter { wrong[$0] != batch.labels.scalars[$0] }
        let scores = rows.isEmpty ? [] : detector.scores(of: inputs.gathered(rows: rows))
        return Row(
          attack: "PGD, eps \(radius), \(isAware ? "aware" : "unaware") of the detector",
          deceived: rows.count, found: threshold.map { Proportion($0.alarms(scores)) },
          curve: rows.isEmpty ? nil : try ReceiverOperatingCharacteristic(clean: clean, targets: scores),
          isAware: isAware)
      }
    }
  }

  var table: Table {
    var table = Table(
      "Detector: \(detector)",
      columns: [
        "Attack", "Images that deceive the network", "Area under the curve", "95 % interval", "Found",
        "False alarms",
      ],
      note:
        "To be found are attacked images that the network gets wrong. Found: at a threshold for a false-alarm rate of "
        + "\(Self.rate), chosen on half of the clean test images"
        + (threshold.map { " (\($0.calibrationCount))" } ?? ", which are too few here")
        + "; false alarms on the other half. An area of 0.5 is chance.")
    for row in rows {
      table.append([
        .text(row.attack), .integer(row.deceived), row.curve.map { .number($0.area, decimals: 3) } ?? .empty,
        .text(row.curve.map { range($0.areaInterval(), decimals: 3) } ?? ""),
        row.found.map { .proportion($0) } ?? .empty, .proportion(falseAlarms),
      ])
    }
    return table
  }

  var chart: LineChart {
    var chart = LineChart(
      "Detection of attacked images", x: Axis("False alarms", unit: .percent, range: 0...1),
      y: Axis("Found", unit: .percent, range: 0...1))
    for (place, row) in rows.enumerated() {
      guard let curve = row.curve else { continue }
      chart.series.append(
        .init(
          row.attack, x: curve.points.map(\.falseAlarms.estimate), y: curve.points.map(\.detections.estimate),
          style: row.isAware ? .dashed : .solid, isStaircase: true, color: place / 2))
    }
    return chart
  }
}

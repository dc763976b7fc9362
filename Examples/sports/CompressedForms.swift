import Compression
import Datasets
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network in a smaller or faster form, as it is deployed.
struct CompressedForm {
  let name: String
  /// What computes its answers.
  let plan: any InferencePlan
  let answers: Answers
  /// Parameters that are not 0.
  let parameters: Int
  /// Of one image; products with zeros are not counted.
  let multiplyAdds: Int
  /// Of the deployed file.
  let mebibytes: Double
  /// Whether the file, read without any code of the network's, gives the same logits bit by bit.
  let isReadBack: Bool
}

/// One network in every form that is compared.
struct CompressedForms {
  let run: PruningRun
  let original: CompressedForm
  /// In the order of the run's networks.
  let pruned: [CompressedForm]
  /// Half of all channels gone.
  let structured: CompressedForm
  let distilled: CompressedForm
  let lowRank: CompressedForm
  let int8: CompressedForm
  /// 50 % pruned, then 8-bit, in one file.
  let prunedInt8: CompressedForm

  var all: [CompressedForm] { [original] + pruned + [structured, distilled, lowRank, int8, prunedInt8] }
  /// Those that are compared with the original by a test, apart from plain pruning.
  var others: [CompressedForm] { [structured, distilled, lowRank, int8, prunedInt8] }

  init(_ run: PruningRun, _ study: Study, _ plan: PrunePlan) throws {
    self.run = run
    let maker = FormMaker(run: run, study: study, plan: plan)
    let model = run.original.model
    original = try maker.float("original", model, answers: run.answers)
    pruned = try run.networks.map {
      try maker.float("pruned \($0.percent) %", $0.tuned, answers: $0.after)
    }
    let selection = try ChannelPruner(multiple: 8).select(from: model, sample: run.sample, removing: 0.5)
    let small = selection.shrunk(model)
    structured = try maker.float("half the channels", maker.tuned(small, "structured"))
    let teacher = try model.prepared(for: run.sample)
    distilled = try maker.float(
      "half the channels, distilled",
      maker.tuned(small, "distilled", loss: Distillation(from: teacher, temperature: 4, share: 0.9)))
    let factored = try LowRank(.multiplyAdds(0.5)).factored(model).model
    lowRank = try maker.float("low rank", maker.tuned(factored, "low-rank"))
    int8 = try maker.bytes("8-bit", model)
    prunedInt8 = try maker.bytes("pruned 50 %, 8-bit", run[50].tuned)
  }
}

/// Makes forms of one network.
private struct FormMaker {
  let run: PruningRun
  let study: Study
  let plan: PrunePlan

  /// Fine-tunes a network of another shape.
  func tuned(_ model: any Layer, _ name: String, loss: (any TrainingLoss)? = nil) throws -> any Layer {
    var loop = plan.fineTuning(study.options, epochs: plan.reshapedEpochs(run.architecture))
    if let loss { loop.loss = loss }
    return try study.fineTuned(
      model, "\(run.name)-\(name)", loop, rate: plan.reshapedRate, on: run.images.training,
      settings: run.original.model.weightsDigest
    ).model
  }

  func float(_ name: String, _ model: any Layer, answers: Answers? = nil) throws -> CompressedForm {
    let prepared = try model.prepared(for: run.sample)
    return try form(name, model, prepared, answers) { try prepared.save(to: $0, metadata: $1) }
  }

  func bytes(_ name: String, _ model: any Layer) throws -> CompressedForm {
    let quantized = try model.quantized(
      for: run.sample, calibration: run.images.batch(plan.calibrationImages).inputs)
    return try form(name, model, quantized, nil) { try quantized.save(to: $0, metadata: $1) }
  }

  private func form(
    _ name: String, _ model: any Layer, _ deployed: any InferencePlan, _ known: Answers?,
    save: (URL, [String: String]) throws -> Void
  ) throws -> CompressedForm {
    let label = name.replacing(" %", with: "").replacing(",", with: "").replacing(" ", with: "-")
    let url = study.options.weightsFile("deployed/\(run.name)-\(label)")
    let answers = try known ?? Answers(run.images) { deployed.logits($0) }
    try save(
      url,
      [
        "architecture": run.title, "form": name, "test_accuracy": "\(answers.testAccuracy.estimate)",
        "data": study.data.digest, "synthetic": "\(study.data.isSynthetic)", "seed": "\(study.options.seed)",
      ])
    let read = try DeployedNetwork(contentsOf: url)
    let images = try run.images.batch(10).inputs
    let report = SparsityReport(of: model)
    return CompressedForm(
      name: name, plan: deployed, answers: answers, parameters: report.nonzeroParameterCount,
      multiplyAdds: report.multiplyAdds(in: model.summary(input: run.sample)),
      mebibytes: Double(try Data(contentsOf: url).count) / 0x1p20,
      isReadBack: read.logits(images) == deployed.logits(images))
  }
}

/// All forms side by side (requirements D4.141, D4.164, D4.166, D4.171).
func reportForms(_ forms: [CompressedForms], _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Deployed forms")
  for one in forms {
    var table = Table(
      "Forms of \(one.run.title)",
      columns: ["Form"] + Answers.columns(against: "original") + [
        "Parameters that are not 0", "10^6 multiply-adds", "File, MiB", "Read back bit by bit",
      ],
      note:
        "Files in the layout of deployed networks (Docs/DeployedNetworks.md), headers included; weights with many zeros stand there as "
        + "a bit map and values. Multiply-adds of an image without those with zeros. Half the channels: of every group that "
        + "depends on each other, rounded to 8. Low rank: half the multiply-adds of each layer. 8-bit: weights per channel and "
        + "activations, calibrated on training images; not trained further. The other forms were fine-tuned for "
        + "\(plan.reshapedEpochs(one.run.architecture)) epochs at rate \(plan.reshapedRate).")
    for form in one.all {
      table.append(
        [.text(form.name)] + form.answers.cells(against: one.original.answers) + [
          .integer(form.parameters), .number(Double(form.multiplyAdds) / 1e6, decimals: 2),
          .number(form.mebibytes, decimals: 3), .text(form.isReadBack ? "yes" : "no"),
        ])
    }
    try report.addPrinted(table, file: "forms_\(one.run.name).csv")
  }
  report.addPrinted(
    forms.flatMap { one in
      let float = one.original.answers.trainingAccuracy
      let bytes = one.int8.answers.trainingAccuracy
      let distilled = McNemarTest(first: one.distilled.answers.test, second: one.structured.answers.test)
      return [
        "\(one.run.title): 8 bits change the accuracy on \(float.count) training images by \(points(bytes.estimate - float.estimate)) "
          + "points (at most 1 wanted: \(abs(bytes.estimate - float.estimate) <= 0.01 ? "reached" : "missed")), on the test images by "
          + "\(points(one.int8.answers.testAccuracy.estimate - one.original.answers.testAccuracy.estimate)).",
        sizes(one),
        "\(one.run.title), half the channels: learning from the original's answers "
          + (distilled.pValue < significance
            ? "changes the accuracy on test images" : "makes no difference on test images that is shown")
          + " (p = \(Table.Cell.significant(distilled.pValue).text)).",
      ]
    })
}

/// Whether the file of the compared sparsity is as small as it was to be.
private func sizes(_ one: CompressedForms) -> String {
  let most = one.run.architecture == .simpleCNN ? 0.6 : 2.6
  guard let place = one.run.networks.firstIndex(where: { $0.percent == PrunePlan.compared }) else {
    return ""
  }
  let size = one.pruned[place].mebibytes
  return
    "\(one.run.title), \(PrunePlan.compared) % pruned: the file has \(Table.Cell.number(size, decimals: 3).text) MiB (at most "
    + "\(most) wanted: \(size <= most ? "reached" : "missed")), the original's "
    + "\(Table.Cell.number(one.original.mebibytes, decimals: 3).text)."
}

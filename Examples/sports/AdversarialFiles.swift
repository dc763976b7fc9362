import Attacks
import Datasets
import Foundation
import ImageCodecs
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The document's files: three a sample, in one folder an attack (requirements D4.80, D4.63).
func writeFiles(_ one: AttackedNetwork, _ study: Study, _ plan: AttackPlan, _ report: ReportFolder) throws {
  for outcome in one.outcomes where outcome.configuration.isDocumented {
    let folder = "results/problem_b/\(one.architecture.rawValue)/\(outcome.configuration.folder)"
    let method = outcome.configuration.method.lowercased()
    let count = min(plan.documented, outcome.result.records.count)
    let originals = try outcome.samples.batch(count).inputs
    let changed = outcome.changed
    for row in 0..<count {
      let path = "\(folder)/\(method)_\(sampleNumber(row))"
      try Image(originals[row: row]).writePNG(to: report.fileURL("\(path)_original.png"))
      try Image(changed[row: row]).writePNG(to: report.fileURL("\(path)_adversarial.png"))
      try AtomicFile.write(
        metadata(one, outcome, row, study).document, to: report.fileURL("\(path)_metadata.json"))
    }
  }
}

private func metadata(_ one: AttackedNetwork, _ outcome: AttackOutcome, _ row: Int, _ study: Study)
  -> JSONValue
{
  let (record, rounded) = (outcome.result.records[row], outcome.rounded[row])
  func prediction(_ prediction: AttackRecord.Prediction) -> JSONValue {
    [
      "label": .integer(prediction.label), "class": .string(Sports10.classNames[prediction.label]),
      "confidence": .number(prediction.confidence),
    ]
  }
  return [
    "model": .string(one.architecture.rawValue),
    "checkpoint": .string("\(Study.fileName(one.architecture, .original)).safetensors"),
    "sample": .integer(row), "index": .integer(record.index),
    "data_set": .string(study.data.isTestSeparate ? "train, set aside for tests" : "valid"),
    "synthetic": .bool(study.data.isSynthetic), "seed": .integer(Int(study.options.seed)),
    "parameters": .object(outcome.configuration.parameters),
    "true_label": .integer(record.label), "true_class": .string(Sports10.classNames[record.label]),
    "original": prediction(record.clean), "adversarial": prediction(record.adversarial),
    "target_confidence": record.targetConfidence.map { .number($0.after) } ?? .null,
    "counts": .bool(record.target != record.label), "success": .bool(record.isSuccess),
    "iterations_to_success": outcome.stepsToSuccess?[row].map { .integer($0) } ?? .null,
    "l2_norm": .number(record.norms.l2), "linf_norm": .number(record.norms.lInf),
    "after_png": [
      "prediction": prediction(rounded.adversarial), "success": .bool(rounded.isSuccess),
      "l2_norm": .number(rounded.norms.l2), "linf_norm": .number(rounded.norms.lInf),
    ],
  ]
}

import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

/// The numbers that Scripts/fixtures/make_nnlayers_fixtures.py had PyTorch compute in double precision.
enum Reference {
  static let file: Result<SafeTensors, any Error> = Result {
    try SafeTensors(contentsOf: url("reference.safetensors"))
  }

  static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil)).appendingPathComponent(name)
  }

  static func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  static func labels(_ name: String) throws -> IntTensor { try file.get().integers(named: name) }
  static func text(_ name: String) throws -> String { try String(contentsOf: url(name), encoding: .utf8) }
  static func names(under prefix: String) throws -> [String] {
    try file.get().names.filter { $0.hasPrefix(prefix) }
  }
}

/// Compares with a tolerance relative to the largest expected value, and reports at the caller's line.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, within tolerance: Float = 1e-5, _ what: String = "",
  at location: SourceLocation = #_sourceLocation
) {
  if let difference = actual.mismatch(with: expected, relativeToLargest: tolerance) {
    Issue.record("\(what): \(difference)", sourceLocation: location)
  }
}

extension Layer {
  /// The bits of all parameters: equal only for equal training.
  var bits: [String: [UInt32]] {
    Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.name, $0.parameter.value.scalars.map(\.bitPattern)) })
  }

  /// The parameter with this name.
  func value(_ name: String) throws -> Tensor {
    try #require(parameters.first { $0.name == name }, "no parameter \(name)").parameter.value
  }

  /// This model with other values, by name.
  func with(_ values: (String) throws -> Tensor) rethrows -> Self {
    let loaded = Dictionary(uniqueKeysWithValues: try parameters.map { ($0.name, try values($0.name)) })
    var copy = self
    copy.visitParameters { name, parameter in parameter.value = loaded[name] ?? parameter.value }
    return copy
  }

  /// Gradients that are given instead of computed: those of `Σ parameter · given`.
  func givenGradients(_ given: (String) -> Tensor) -> Gradients {
    NNLayers.gradients(of: self, in: Pass(.training)) { model, _ in
      model.parameters.reduce(Variable(0)) { $0 + ($1.parameter.variable * Variable(given($1.name))).sum() }
    }.gradients
  }
}

extension TrainingHistory {
  /// All numbers but the times, which differ between equal runs.
  var numbers: [[Double?]] {
    epochs.map {
      [
        Double($0.epoch), $0.learningRate, $0.trainingLoss, $0.trainingAccuracy, $0.penalty,
        $0.largestGradientNorm,
        $0.validationLoss, $0.validationAccuracy,
      ] + ($0.validationClassAccuracies ?? [])
    }
  }
}

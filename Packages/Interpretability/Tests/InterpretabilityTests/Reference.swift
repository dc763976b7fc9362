import Foundation
import NNLayers
import TensorCore
import Testing

/// Two small networks and what Captum and pytorch-grad-cam computed with them in float64:
/// Scripts/fixtures/make_interpretability_fixtures.py.
enum Reference {
  static let file: Result<SafeTensors, any Error> = Result {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try SafeTensors(contentsOf: folder.appendingPathComponent("explanations.safetensors"))
  }

  static func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  static func images() throws -> Tensor { try tensor("images") }
  static func classes() throws -> IntTensor { try file.get().integers(named: "classes") }

  /// The networks, and the layers whose maps the fixture has.
  enum Network: String, CaseIterable, CustomTestStringConvertible {
    case plain, residual

    var layers: [String] { self == .plain ? ["3", "5"] : ["2", "3", "4"] }
    var testDescription: String { rawValue }

    /// The network with the fixture's weights.
    func model() throws -> Sequential {
      let key = RandomKey(seed: 0)
      var model =
        self == .plain
        ? Sequential(
          Convolution(inputs: 3, outputs: 6, kernel: 3, padding: 1, key: key), ReLU(), MaxPool(2),
          Convolution(inputs: 6, outputs: 8, kernel: 3, padding: 1, key: key), BatchNorm(channels: 8), ReLU(),
          MaxPool(2), Flatten(), Linear(inputs: 128, outputs: 12, key: key), ReLU(),
          Linear(inputs: 12, outputs: 4, key: key))
        : Sequential(
          Convolution(inputs: 3, outputs: 8, kernel: 3, padding: 1, hasBias: false, key: key),
          BatchNorm(channels: 8), ReLU(), BasicBlock(inputs: 8, outputs: 8, key: key),
          BasicBlock(inputs: 8, outputs: 12, stride: 2, key: key), AdaptiveAveragePool(1), Flatten(),
          Linear(inputs: 12, outputs: 4, key: key))
      let (all, prefix) = (try Reference.file.get(), "\(rawValue)/weights/")
      var weights = SafeTensors()
      for name in all.names where name.hasPrefix(prefix) {
        weights.entries[String(name.dropFirst(prefix.count))] = all.entries[name]
      }
      try model.load(weights)
      return model
    }

    func expected(_ name: String) throws -> Tensor { try Reference.tensor("\(rawValue)/\(name)") }
  }
}

/// Compares with a tolerance relative to the largest expected value, and reports at the caller's line.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, within tolerance: Float = 1e-4, _ what: String = "",
  at location: SourceLocation = #_sourceLocation
) {
  if let difference = actual.mismatch(with: expected, relativeToLargest: tolerance) {
    Issue.record("\(what): \(difference)", sourceLocation: location)
  }
}

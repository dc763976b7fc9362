import AutoDiffLite
import Foundation
import NNLayers
import TensorCore

/// What Scripts/fixtures/make_model_fixtures.py had PyTorch compute, and the numbers that both sides work out.
enum ModelFixture {
  private static let file = Result { try SafeTensors(contentsOf: Reference.url("models.safetensors")) }

  static func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  static func integer(_ name: String) throws -> Int { try file.get().integers(named: name)[0] }
  static func names(under prefix: String) throws -> [String] {
    try file.get().names.filter { $0.hasPrefix(prefix) }
  }

  /// Numbers in [−1, 1) that depend on a name and a position, as `noise` of the script.
  static func noise(_ name: String, _ shape: Shape) -> Tensor {
    let phase = Double(name.utf8.reduce(0) { $0 + Int($1) })
    return Tensor(shape: shape) { values in
      for i in values.indices {
        let value = sin(Double(i + 1) * 12.9898 + phase) * 43758.5453
        values[i] = Float((value - value.rounded(.down)) * 2 - 1)
      }
    }
  }

  /// The model with the weights of `fill` of the script.
  static func filled<Model: Layer>(_ model: Model) -> Model {
    var model = model
    model.visitParameters { name, parameter in
      let shape = parameter.value.shape
      let draws = noise(name, shape)
      if shape.rank > 1 {
        parameter.value = scaled(draws, by: (6 / Double(shape.count / shape[0])).squareRoot())
      } else {
        parameter.value = name.hasSuffix("weight") ? scaled(draws, by: 0.3, plus: 1) : scaled(draws, by: 0.1)
      }
    }
    model.visitBuffers { name, buffer in
      let draws = noise(name, buffer.shape)
      buffer = name.hasSuffix("running_var") ? scaled(draws, by: 0.3, plus: 1) : scaled(draws, by: 0.1)
    }
    return model
  }

  private static func scaled(_ draws: Tensor, by factor: Double, plus offset: Double = 0) -> Tensor {
    Tensor(shape: draws.shape, scalars: draws.scalars.map { Float(offset + Double($0) * factor) })
  }

  /// Six images with pixels in [0, 1].
  static func images(_ shape: Shape) -> Tensor {
    let draws = noise("images", Shape([6] + shape.dimensions))
    return Tensor(shape: draws.shape, scalars: draws.scalars.map { Float((Double($0) + 1) / 2) })
  }

  static let labels = IntTensor((0..<6).map { (7 * $0 + 3) % 10 })

  /// The script's pass in training mode: its key, and which samples the rows are.
  static func trainingPass() -> Pass {
    Pass(.training, key: RandomKey(seed: 2024), samples: (0..<6).map { 3 * $0 + 1 })
  }
}

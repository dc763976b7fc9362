import Attacks
import AutoDiffLite
import Datasets
import Foundation
import NNLayers
import Synchronization
import TensorCore

/// Small networks that have learned drawn digits, each trained once.
enum DigitModels {
  static let key = RandomKey(seed: 90)
  static let training = SyntheticDigits.images(count: 1500, key: key.derived("train"))
  static let plain = Result { try trained(network()) }

  /// The first digits of a set that no network has seen.
  static func samples(_ count: Int) throws -> Batch {
    try SyntheticDigits.images(count: count, key: key.derived("test")).batch(at: Array(0..<count))
  }

  static func network(dropout: Float = 0) -> Sequential {
    Sequential(
      Convolution(inputs: 1, outputs: 8, kernel: 5, stride: 2, key: key.derived(0)), ReLU(),
      Convolution(inputs: 8, outputs: 16, kernel: 5, stride: 2, key: key.derived(1)), ReLU(), Flatten(),
      Dropout(rate: dropout), Linear(inputs: 256, outputs: 10, key: key.derived(2)))
  }

  static func trained<Model: Layer>(
    _ model: Model, epochs: Int = 6, rate: Float = 2e-3, loss: any TrainingLoss = CrossEntropy(),
    transform: (@Sendable (any Layer, Batch, RandomKey) throws -> Batch)? = nil
  ) throws -> Model {
    var state = TrainingState(model: model, optimizer: Adam(learningRate: rate))
    var loop = TrainingLoop(epochs: epochs, batchSize: 50, key: key)
    loop.loss = loss
    loop.transform = transform
    try loop.run(&state, on: training)
    return state.model
  }
}

/// A network to whose input or output something is done.
private struct Wrapped: Classifier {
  var inputRange: ClosedRange<Float> { 0...1 }
  var model: any Layer
  var before: @Sendable (Variable) -> Variable = { $0 }
  var after: @Sendable (Variable) -> Variable = { $0 }
  var pass: @Sendable () -> Pass = { Pass(.evaluation) }
  func logits(_ x: Variable) -> Variable { after(model(before(x), in: pass())) }
}

/// A new key at each call: what an unseeded generator does to a model.
private final class Draws: Sendable {
  private let count = Atomic(0)
  func next() -> RandomKey { DigitModels.key.derived(count.add(1, ordering: .relaxed).newValue) }
}

/// Defences that only make attacks fail, not models robust. The checks' limits were chosen with these at hand.
enum FalseDefence: String, CaseIterable, Sendable {
  case logitScaling, quantizedInput, dropoutLeftOn, noise, brokenGradients, zeroedGradients, distillation,
    earlyExit

  func classifier() throws -> any Classifier {
    let plain = try DigitModels.plain.get()
    let draws = Draws()
    switch self {
    case .logitScaling: return Wrapped(model: plain, after: { 1000 * $0 })
    case .quantizedInput: return Wrapped(model: plain, before: { $0.withoutSlope { ($0 * 4).rounded() / 4 } })
    case .dropoutLeftOn:
      let model = try DigitModels.trained(DigitModels.network(dropout: 0.5))
      return Wrapped(model: model, pass: { Pass(.training, key: draws.next()) })
    case .noise:
      return Wrapped(
        model: plain,
        before: { $0 + Variable(.normal(shape: $0.shape, standardDeviation: 0.2, key: draws.next())) })
    // the root has an infinite slope at 0, and the square none
    case .brokenGradients: return Wrapped(model: plain, before: { $0.squareRoot().squared() })
    case .zeroedGradients: return Wrapped(model: plain, before: { $0.stoppingGradient() })
    case .distillation: return Wrapped(model: try Self.distilled(temperature: 100))
    case .earlyExit:
      let shallow = try DigitModels.trained(
        Sequential(Flatten(), Linear(inputs: 784, outputs: 10, key: DigitModels.key)))
      return Wrapped(model: EarlyExit(shallow: shallow, deep: plain, confidence: 0.7))
    }
  }

  /// Papernot et al., "Distillation as a Defense to Adversarial Perturbations", IEEE Symposium on Security and Privacy 2016:
  /// both networks are trained with their logits divided by the temperature, and the second is used without.
  private static func distilled(temperature: Float) throws -> any Layer {
    let soft = Sequential(DigitModels.network(), Scaled(factor: 1 / temperature))
    let teacher = try DigitModels.trained(soft, epochs: 8, rate: 1e-2)
    let student = try DigitModels.trained(
      soft, epochs: 8, rate: 1e-2,
      transform: { _, batch, _ in
        Batch(
          inputs: batch.inputs, labels: batch.labels, indices: batch.indices,
          targets: teacher.probabilities(batch.inputs))
      })
    return student.layers[0]
  }
}

/// Others of the kind, first tried when the limits stood.
enum HeldBackDefence: String, CaseIterable, Sendable {
  case blockRounding, shatteredGradients, winnersTakeAll, randomResizing, clampedProbabilities

  func classifier() throws -> any Classifier {
    let plain = try DigitModels.plain.get()
    let draws = Draws()
    switch self {
    case .blockRounding: return Wrapped(model: plain, before: { $0.blockRounded(step: 0.2) })
    case .shatteredGradients: return Wrapped(model: plain, before: { $0 + 0.05 * (200 * $0).sine() })
    case .winnersTakeAll:
      func linear(_ inputs: Int, _ outputs: Int) -> Linear {
        Linear(inputs: inputs, outputs: outputs, key: DigitModels.key.derived("\(inputs)"))
      }
      return Wrapped(
        model: try DigitModels.trained(
          Sequential(
            Flatten(), linear(784, 256), WinnersTakeAll(count: 20), linear(256, 256),
            WinnersTakeAll(count: 20), linear(256, 10))))
    case .randomResizing: return Wrapped(model: plain, before: { $0.resizedAtRandom(key: draws.next()) })
    case .clampedProbabilities: return Wrapped(model: plain, after: { $0.softmax().clamped(to: 0.01...0.9) })
    }
  }
}

private struct Scaled: Layer {
  let factor: Float
  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { factor * x }
}

/// Samples that a shallow network is sure about leave with its bare decision.
private struct EarlyExit: Layer {
  let shallow: Sequential
  let deep: Sequential
  let confidence: Float

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let first = shallow.probabilities(x.value)
    let leaves = (first.max(alongAxis: 1) .> Tensor(confidence)).expanded(axis: 1)
    let decisions = 10 * Tensor.oneHot(first.argmax(alongAxis: 1), classes: 10)
    return deep(x, in: pass) * Variable(1 - leaves) + Variable(decisions * leaves)
  }
}

/// Xiao, Zhong, Zheng, "Enhancing Adversarial Defense by k-Winners-Take-All", ICLR 2020; broken by Tramèr et al., 2020.
private struct WinnersTakeAll: Layer {
  let count: Int

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let limits = (0..<x.shape[0]).map { x.value[row: $0].scalars.sorted(by: >)[count - 1] }
    return x * Variable(x.value .>= Tensor(limits).expanded(axis: 1))
  }
}

extension Variable {
  /// A function of each element whose gradient is zero.
  fileprivate func withoutSlope(_ function: (Float) -> Float) -> Variable {
    Variable(value.mapped(function)) + 0 * self
  }

  fileprivate func sine() -> Variable {
    let value = self.value
    return .recorded("sine", value.mapped { sin($0) }, from: self) { dy in dy * value.mapped { cos($0) } }
  }

  /// The discrete cosine transform of 4 × 4 blocks of `[n, 1, h, w]`, rounded to multiples of a step, as JPEG does.
  fileprivate func blockRounded(step: Float) -> Variable {
    let (n, rows, columns) = (shape[0], shape[2] / 4, shape[3] / 4)
    let blocks = value.reshaped(to: [n, rows, 4, columns, 4]).permuted([0, 1, 3, 2, 4])
    let coefficients = blocks.reshaped(to: [n * rows * columns, 16]).matmul(
      Self.cosines, transposingOther: true)
    let image = coefficients.mapped { ($0 / step).rounded() * step }.matmul(Self.cosines)
      .reshaped(to: [n, rows, columns, 4, 4]).permuted([0, 1, 3, 2, 4]).reshaped(to: shape)
    return Variable(image) + 0 * self
  }

  /// `[16, 16]`: each row one orthonormal pattern of a block.
  private static let cosines: Tensor = {
    func wave(_ frequency: Int, _ place: Int) -> Double {
      (frequency == 0 ? 0.25 : 0.5).squareRoot() * cos(.pi * (Double(place) + 0.5) * Double(frequency) / 4)
    }
    return Tensor(
      (0..<16).map { k in (0..<16).map { i in Float(wave(k / 4, i / 4) * wave(k % 4, i % 4)) } })
  }()

  /// `[n, 1, s, s]`, the nearest pixels of a smaller image of s − 6 to s pixels, somewhere on black.
  fileprivate func resizedAtRandom(key: RandomKey) -> Variable {
    let (n, side) = (shape[0], shape[2])
    var source = RandomSource(key: key)
    let size = side - source.index(below: 7)
    func places() -> Variable {
      let start = source.index(below: side - size + 1)
      var matrix = Tensor.zeros(shape: [side, side])
      for i in 0..<size { matrix[i * side / size, start + i] = 1 }
      return Variable(matrix)
    }
    func alongRows(_ x: Variable) -> Variable {
      x.reshaped(to: [n * side, side]).matmul(places()).reshaped(to: [n, side, side]).permuted([0, 2, 1])
    }
    return alongRows(alongRows(reshaped(to: [n, side, side]))).reshaped(to: [n, 1, side, side])
  }
}

extension Tensor {
  fileprivate func mapped(_ function: (Float) -> Float) -> Tensor {
    Tensor(shape: shape, scalars: scalars.map(function))
  }
}

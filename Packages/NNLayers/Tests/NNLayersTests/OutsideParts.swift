import AutoDiffLite
import Foundation
import NNLayers
import TensorCore

// Layers and optimizers as a user writes them, with public API only.

/// Adds noise from the pass's key in training: shows in the bits when a step's randomness depends on its past.
struct Noise: Layer {
  var deviation: Float

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    guard pass.mode == .training else { return x }
    return x + Variable(.normal(shape: x.shape, standardDeviation: deviation, key: pass.layerKey))
  }
}

/// Answers with probabilities, as no model should.
struct Softmax: Layer {
  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.softmax() }
}

/// Multiplies each feature by a learned factor.
struct Scale: Layer {
  var factor: Parameter

  init(features: Int) { factor = Parameter(.ones(shape: [features])) }

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x * factor.variable }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) { visit("factor", &factor) }
}

/// Steps by the sign of each gradient, and remembers rates and norms.
struct SignDescent: Optimizer {
  var learningRate: Float
  var rates: [Float] = []
  var norms: [Double] = []

  init(learningRate: Float) { self.learningRate = learningRate }

  var state: OptimizerState {
    get { OptimizerState(stepCount: rates.count) }
    set { rates = [Float](repeating: .nan, count: newValue.stepCount) }
  }

  mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
    rates.append(learningRate)
    norms.append(gradients.norm)
    model.visitParameters { name, parameter in
      guard let gradient = gradients[name] else { return }
      parameter.value.add(gradient.sign(), scaledBy: -learningRate)
    }
  }
}

/// A model whose margins in each epoch are written in its input: sample i, trained for e steps, has the logits
/// `[0, x[i, e]]`. Makes early stopping see any course of losses and accuracies.
struct Scripted: Layer {
  /// How many steps were taken.
  var time = Parameter(Tensor([0]))

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let column = IntTensor([Int](repeating: Int(time.value.item), count: x.shape[0]))
    let margins = x.value.picked(columns: column).expanded(axis: 1)
    return Variable(Tensor.concatenated([.zeros(shape: margins.shape), margins], alongAxis: 1))
  }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) { visit("time", &time) }
}

/// Adds 1 to every parameter, in place, whatever the gradients.
struct Clock: Optimizer {
  var learningRate: Float = 1
  var state = OptimizerState()

  mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
    model.visitParameters { _, parameter in parameter.value.withUnsafeMutableBufferPointer { $0[0] += 1 } }
  }
}

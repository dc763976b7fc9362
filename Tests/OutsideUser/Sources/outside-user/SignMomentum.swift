import NNLayers
import TensorCore

/// An optimizer of one's own: steps by the sign of a running mean of the gradients, which a checkpoint can hold.
struct SignMomentum: Optimizer {
  var learningRate: Float
  var state = OptimizerState()

  init(learningRate: Float) { self.learningRate = learningRate }

  mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
    state.stepCount += 1
    model.visitParameters { name, parameter in
      guard parameter.isTrainable, let gradient = gradients[name] else { return }
      let before = state.tensors["mean/\(name)"] ?? .zeros(shape: gradient.shape)
      let mean = 0.9 * before + 0.1 * gradient
      state.tensors["mean/\(name)"] = mean
      parameter.value.add(mean.sign(), scaledBy: -learningRate)
    }
  }
}

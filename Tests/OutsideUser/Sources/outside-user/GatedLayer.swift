import AutoDiffLite
import NNLayers
import TensorCore

/// A layer of one's own: a linear layer, swish, and a learned factor for each feature.
struct GatedLayer: Layer {
  var linear: Linear
  var gate: Parameter

  init(inputs: Int, outputs: Int, key: RandomKey) {
    linear = Linear(inputs: inputs, outputs: outputs, initializer: .kaimingNormal(), key: key)
    gate = Parameter(.ones(shape: [outputs]))
  }

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    pass.enter("linear") { linear(x, in: pass) }.swish() * gate.variable
  }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    linear.visitParameters { name, parameter in visit("linear.\(name)", &parameter) }
    visit("gate", &gate)
  }
}

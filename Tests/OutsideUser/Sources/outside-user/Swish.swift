import AutoDiffLite
import TensorCore

extension Variable {
  /// An operation of one's own: `y = x σ(x)`, `∂y/∂x = σ(x) + y (1 − σ(x))`.
  func swish() -> Variable {
    let sigmoid = value.sigmoid()
    let y = value * sigmoid
    return .recorded("swish", y, from: self) { dy in dy * (sigmoid + y * (1 - sigmoid)) }
  }
}

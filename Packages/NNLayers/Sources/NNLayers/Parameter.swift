import AutoDiffLite
import TensorCore

/// A tensor that training changes: part of a layer, a value like the layer itself.
public struct Parameter: Sendable {
  /// The numbers, always zero where the mask is: every change is masked, so no optimizer, momentum or decay can bring a
  /// pruned weight back.
  ///
  /// - Precondition: under a mask the shape stays.
  public var value: Tensor {
    get { numbers }
    _modify {
      defer { applyMask() }
      yield &numbers
    }
  }
  private var numbers: Tensor
  /// 1 where a weight is kept and 0 where it is pruned, shaped as `value`; nil keeps all.
  public private(set) var mask: Tensor?
  /// Whether training changes this parameter.
  public var isTrainable = true
  /// The parameter's place on the tape; nil except in the copy of a model that `gradients(of:in:)` hands out.
  var leaf: TapeLeaf?

  /// A trainable parameter.
  public init(_ value: Tensor) { numbers = value }

  /// What a forward pass computes with: a leaf of the tape in a bound model, elsewhere a constant.
  public var variable: Variable { leaf?.variable ?? Variable(value) }

  /// Sets the mask and zeroes what it removes; nil removes the mask and leaves the values.
  ///
  /// - Precondition: the mask has the parameter's shape and holds only 0 and 1.
  public mutating func setMask(_ newMask: Tensor?) {
    if let newMask {
      precondition(
        newMask.shape == value.shape, "setMask: mask \(newMask.shape) for a parameter \(value.shape)")
      precondition(
        newMask.withUnsafeBufferPointer { $0.allSatisfy { $0 == 0 || $0 == 1 } },
        "setMask: a mask holds only 0 and 1")
    }
    mask = newMask
    applyMask()
  }

  private mutating func applyMask() {
    guard let mask else { return }
    precondition(
      mask.shape == numbers.shape,
      "Parameter: value \(numbers.shape) under a mask \(mask.shape); remove it first")
    numbers *= mask
  }
}

/// A leaf of the tape, boxed: parameters are `Sendable`, and a bound model stays on the thread that made it.
final class TapeLeaf: @unchecked Sendable {
  let variable: Variable
  init(_ value: Tensor) { variable = .leaf(value) }
}

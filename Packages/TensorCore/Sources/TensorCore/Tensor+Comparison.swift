internal import CKernels

infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence

extension Tensor {
  /// 1 where the left element is smaller, else 0; axes of length 1 repeat. False for NaN.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { binary(ck_less, ".<", a, b) }
  /// 1 where the left element is smaller or equal, else 0.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { binary(ck_less_or_equal, ".<=", a, b) }
  /// 1 where the left element is larger, else 0.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { binary(ck_less, ".>", b, a) }
  /// 1 where the left element is larger or equal, else 0.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { binary(ck_less_or_equal, ".>=", b, a) }
  /// 1 where the elements are equal, else 0.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { binary(ck_equal, ".==", a, b) }
  /// 1 where the elements differ, else 0; NaN differs from everything.
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { binary(ck_not_equal, ".!=", a, b) }

  /// max(this + other, 0), element by element; axes of length 1 repeat.
  public func addedThenReLU(_ other: Tensor) -> Tensor {
    Tensor.binary(ck_add_then_relu, "addedThenReLU", self, other)
  }

  /// The larger of each pair; NaN wins.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { binary(ck_maximum, "maximum", a, b) }
  /// The smaller of each pair; NaN wins.
  public static func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { binary(ck_minimum, "minimum", a, b) }

  /// `yes` where this mask is not 0, else `no`.
  ///
  /// - Precondition: all three shapes are equal.
  public func select(_ yes: Tensor, otherwise no: Tensor) -> Tensor {
    precondition(
      shape == yes.shape && shape == no.shape, "select: shapes \(shape), \(yes.shape) and \(no.shape) differ")
    let result = Tensor(uninitialized: shape)
    withExtendedLifetime((self, yes, no)) {
      ck_select(pointer, yes.pointer, no.pointer, result.freshPointer, count)
    }
    return result
  }

  /// This tensor where `gate` is greater than 0, else 0: the gradient of a rectifier.
  ///
  /// - Precondition: the shapes are equal.
  public func wherePositive(_ gate: Tensor) -> Tensor {
    precondition(shape == gate.shape, "wherePositive: shapes \(shape) and \(gate.shape) differ")
    return .binary(ck_where_positive, "wherePositive", self, gate)
  }

  /// Each element moved into `lower ... upper`; NaN stays.
  public func clamped(lower: Tensor, upper: Tensor) -> Tensor { .minimum(.maximum(self, lower), upper) }

  /// Each element moved into the range; NaN stays.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    clamped(lower: Tensor(range.lowerBound), upper: Tensor(range.upperBound))
  }

  /// True when no element is NaN or infinite.
  public var isFinite: Bool { withUnsafeBufferPointer { $0.allSatisfy { $0.isFinite } } }
}

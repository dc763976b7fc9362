import TensorCore
import Testing

@Suite struct TensorMismatchTests {
  let expected = Tensor([[1, 2], [3, -4]])

  @Test func equalTensorsAgree() {
    #expect(expected.mismatch(with: expected, ulps: 0) == nil)
    #expect(expected.mismatch(with: expected, relativeToLargest: 0) == nil)
    #expect(Tensor.zeros(shape: [0, 3]).mismatch(with: .zeros(shape: [0, 3]), relativeToLargest: 0) == nil)
  }

  @Test func shapesMustBeEqual() throws {
    let other = expected.reshaped(to: Shape([4]))
    #expect(try #require(other.mismatch(with: expected, ulps: 9)) == "shape [4], expected [2, 2]")
    #expect(other.mismatch(with: expected, relativeToLargest: 1) != nil)
  }

  @Test func toleranceIsRelativeToTheLargestExpectedValue() throws {
    var close = expected
    close[0, 0] = 1.5
    #expect(close.mismatch(with: expected, relativeToLargest: 0.125) == nil)  // 0.5 = 0.125 · 4
    let message = try #require(close.mismatch(with: expected, relativeToLargest: 0.12))
    #expect(message.contains("[0, 0], is 1.5, expected 1.0"))
  }

  // Crossing zero, the bit patterns jump; the count of representable numbers does not.
  @Test func unitsInTheLastPlace() throws {
    let least = Float.leastNonzeroMagnitude
    #expect(Tensor([least]).mismatch(with: Tensor([-least]), ulps: 2) == nil)
    #expect(Tensor([least]).mismatch(with: Tensor([-least]), ulps: 1) != nil)
    #expect(Tensor([-0.0]).mismatch(with: Tensor([0.0]), ulps: 0) == nil)
    #expect(Tensor([Float(1).nextUp.nextUp]).mismatch(with: Tensor([1]), ulps: 2) == nil)
    #expect(Tensor([Float(1).nextUp.nextUp]).mismatch(with: Tensor([1]), ulps: 1) != nil)
    #expect(Tensor([Float(2).nextDown]).mismatch(with: Tensor([2]), ulps: 1) == nil)
  }

  // max(|a − b|) with a NaN compares false and would pass.
  @Test func infinitiesAndNaN() {
    let special = Tensor([.nan, .infinity, -.infinity])
    #expect(special.mismatch(with: special, ulps: 0) == nil)
    #expect(special.mismatch(with: special, relativeToLargest: 0) == nil)
    for (a, b): (Float, Float) in [
      (.nan, 1), (1, .nan), (.infinity, .nan), (.infinity, -.infinity), (.greatestFiniteMagnitude, .infinity),
    ] {
      #expect(Tensor([a]).mismatch(with: Tensor([b]), ulps: 1 << 32) != nil)
      #expect(Tensor([a]).mismatch(with: Tensor([b]), relativeToLargest: 1e9) != nil)
    }
  }
}

import Foundation
import TensorCore
import Testing

@Suite struct SmoothActivationTests {
  /// One activation: the kernels, the definition and its derivative in `Double`.
  struct Activation: Sendable {
    let name: String
    let value: @Sendable (Tensor) -> Tensor
    let gradient: @Sendable (_ x: Tensor, _ dy: Tensor) -> Tensor
    let exact: @Sendable (Double) -> Double
    let slope: @Sendable (Double) -> Double
  }

  private static func normal(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
  private static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
  private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private static let root = (2 / Double.pi).squareRoot()

  static let all = [
    Activation(
      name: "gelu", value: { $0.gelu() }, gradient: { $0.geluGradient(upstream: $1) },
      exact: { $0 * normal($0) }, slope: { normal($0) + $0 * density($0) }),
    Activation(
      name: "gelu, tanh", value: { $0.gelu(approximate: true) },
      gradient: { $0.geluGradient(upstream: $1, approximate: true) },
      exact: { $0 / 2 * (1 + tanh(root * ($0 + 0.044715 * $0 * $0 * $0))) },
      slope: { x in
        let t = tanh(root * (x + 0.044715 * x * x * x))
        return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)
      }),
    Activation(
      name: "silu", value: { $0.silu() }, gradient: { $0.siluGradient(upstream: $1) },
      exact: { $0 * logistic($0) },
      slope: { logistic($0) * (1 + $0 * (1 - logistic($0))) }),
  ]

  // Within 1.5e-7 of the definition, relative to |x| where that is above 1: an error of erf of 1e-7 shows at the most
  // half, beside the rounding of the result.
  @Test(arguments: all.indices) func againstTheDefinition(index: Int) {
    let activation = Self.all[index]
    let points = (0...40_000).map { Float($0 - 20_000) / 1000 } + [-87, 87, -300, 300, 1e-20, -1e-20]
    let x = Tensor(points)
    let (y, slopes) = (activation.value(x), activation.gradient(x, .ones(shape: x.shape)))
    for ((point, value), slope) in zip(zip(points, y.scalars), slopes.scalars) {
      let allowed = 1.5e-7 * max(1, abs(Double(point)))
      let (exact, exactSlope) = (activation.exact(Double(point)), activation.slope(Double(point)))
      #expect(abs(Double(value) - exact) <= allowed, "\(activation.name)(\(point)) = \(value), not \(exact)")
      #expect(
        abs(Double(slope) - exactSlope) <= 4e-7, "\(activation.name)'(\(point)) = \(slope), not \(exactSlope)"
      )
    }
  }

  // Tails keep their digits: Φ(−5) is 2.9e-7, and a difference from 1 would leave none of them.
  @Test func tailsOfGELU() {
    let x = Tensor([-3, -4, -5, -6, -8, -10])
    let exact = x.scalars.map { Float(Double($0) * Self.normal(Double($0))) }
    for (value, expected) in zip(x.gelu().scalars, exact) {
      #expect(abs(value / expected - 1) <= 1e-5, "\(value), not \(expected)")
    }
  }

  @Test(arguments: all.indices) func tailsOfAllLengths(index: Int) {
    let activation = Self.all[index]
    for n in 0...40 {
      let (x, dy) = (PlainReference.uniform([n], "x") * 4, PlainReference.uniform([n], "upstream"))
      #expect(PlainReference.sameBits(activation.value(x), PlainReference.oneByOne(x, activation.value)))
      let slopes = (0..<n).map { activation.gradient(x[rows: $0..<($0 + 1)], dy[rows: $0..<($0 + 1)]).item }
      #expect(activation.gradient(x, dy).scalars == slopes, "\(activation.name) of \(n) elements")
    }
    let long = PlainReference.uniform([70_001], "long")
    #expect(activation.value(long)[rows: 69_000..<70_001] == activation.value(long[rows: 69_000..<70_001]))
  }

  @Test(arguments: all.indices) func specialValues(index: Int) {
    let y = Self.all[index].value(Tensor([0, .infinity, .nan])).scalars
    #expect(y[0] == 0 && y[1] == .infinity && y[2].isNaN)
  }
}

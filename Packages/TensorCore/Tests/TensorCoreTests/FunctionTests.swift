import Foundation
import TensorCore
import Testing

@Suite struct FunctionTests {
  /// The largest distance between `y` and the exact values in units in the last place of the exact value, and
  /// where; infinite where only one of the two is finite.
  private static func worstError(
    _ y: Tensor, of x: Tensor, _ exact: (Double) -> Double
  ) -> (ulps: Double, at: Float) {
    var worst = (ulps: 0.0, at: Float(0))
    for (value, argument) in zip(y.scalars, x.scalars) {
      let expected = exact(Double(argument))
      let nearest = Float(expected)
      let ulps: Double
      if value.isNaN || nearest.isNaN || value.isInfinite || nearest.isInfinite {
        ulps = value == nearest || value.isNaN && nearest.isNaN ? 0 : .infinity
      } else {
        ulps = abs(Double(value) - expected) / Double(nearest.ulp)
      }
      if ulps > worst.ulps { worst = (ulps, argument) }
    }
    return worst
  }

  /// `count` numbers evenly spread over a range, both ends among them.
  private static func spread(_ low: Double, _ high: Double, count: Int = 40_000) -> [Float] {
    (0..<count).map { Float(low + (high - low) * Double($0) / Double(count - 1)) }
  }

  /// Numbers of every exponent from the smallest subnormal number to the largest, both signs, and both zeros.
  private static let allExponents: [Float] = {
    let positive = stride(from: UInt32(1), through: 0x7f7f_ffff, by: 70_001).map { Float(bitPattern: $0) }
    let ends = [0, Float.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity]
    return (positive + ends).flatMap { [$0, -$0] } + [.nan]
  }()

  // Measured: 0.97 ulp with FMA, 0.95 without.
  @Test func exponential() {
    let x = Tensor(Self.spread(-104, 89) + Self.spread(-1, 1) + Self.allExponents)
    let worst = Self.worstError(x.exp(), of: x, Foundation.exp)
    #expect(worst.ulps <= 1, "\(worst)")
    #expect(x.exp().scalars.allSatisfy { $0.isNaN || $0 >= 0 })
  }

  // The last finite result, the first infinite one, and the ends of the subnormal results.
  @Test func exponentialAtTheEnds() {
    let x = Tensor([
      88.72283, 88.72284, 89, 1000, .infinity, -87.33655, -103.27893, -104, -1000, -.infinity, 0, -0.0,
    ])
    let y = x.exp().scalars
    #expect(y[0].isFinite && y[0] > 3.4e38)
    #expect(Array(y[1...4]) == [.infinity, .infinity, .infinity, .infinity])
    #expect(abs(Double(y[5]) - Foundation.exp(Double(x.scalars[5]))) <= 0x1p-149)
    #expect(y[6] == .leastNonzeroMagnitude)
    #expect(Array(y[7...]) == [0, 0, 0, 1, 1])
    #expect(Tensor(Float.nan).exp().item.isNaN)
  }

  // Measured: 0.81 ulp, with FMA and without.
  @Test func logarithm() {
    let x = Tensor(Self.spread(0.4, 2.5) + Self.allExponents.filter { !($0 < 0) })
    let worst = Self.worstError(x.log(), of: x, Foundation.log)
    #expect(worst.ulps <= 1, "\(worst)")
  }

  @Test func logarithmOutsideItsDomain() {
    let y = Tensor([0, -0.0, 1, .infinity, -1, -.leastNonzeroMagnitude, -.infinity, .nan]).log().scalars
    #expect(Array(y[0...3]) == [-.infinity, -.infinity, 0, .infinity])
    #expect(y[4...].allSatisfy { $0.isNaN })
  }

  // Measured: 1.27 ulp just above 0.625, where the second formula begins.
  @Test func hyperbolicTangent() {
    let x = Tensor(Self.spread(-10, 10) + Self.spread(0.6, 0.7, count: 10_000) + Self.allExponents)
    let worst = Self.worstError(x.tanh(), of: x, Foundation.tanh)
    #expect(worst.ulps <= 1.5, "\(worst)")
    #expect(x.tanh().scalars.allSatisfy { $0.isNaN || abs($0) <= 1 })
    #expect(Tensor([.infinity, -.infinity, 0, 20]).tanh() == Tensor([1, -1, 0, 1]))
    #expect((-x).tanh().mismatch(with: -x.tanh(), ulps: 0) == nil)
    #expect(Tensor([-0.0]).tanh().item.sign == .minus)
  }

  // Measured: 2.01 ulp down to −87; below, e^−x overflows and the result is 0 where the exact one is
  // subnormal.
  @Test func logisticSigmoid() {
    func logistic(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }
    let x = Tensor(
      Self.spread(-87, 87) + Self.spread(-1, 1) + Self.allExponents.filter { $0.isNaN || $0 >= -87 })
    let worst = Self.worstError(x.sigmoid(), of: x, logistic)
    #expect(worst.ulps <= 2.5, "\(worst)")
    let far = Tensor([-87.5, -88, -89, -100, -1000, -.infinity])
    #expect(far.sigmoid().scalars.allSatisfy { $0 >= 0 && $0 < 2 * .leastNormalMagnitude })
    #expect(Tensor([.infinity, 0, 100]).sigmoid() == Tensor([1, 0.5, 1]))
  }

  // These are exact or correctly rounded in IEEE 754, so no tolerance.
  @Test func exactFunctions() {
    let x = Tensor(Self.allExponents)
    let root = x.scalars.map { $0.squareRoot() }
    #expect(x.squareRoot().mismatch(with: Tensor(root), ulps: 0) == nil)
    #expect(x.squared().mismatch(with: Tensor(x.scalars.map { $0 * $0 }), ulps: 0) == nil)
    #expect(PlainReference.sameBits(x.absolute(), Tensor(x.scalars.map(\.magnitude))))
    #expect(x.relu().mismatch(with: Tensor(x.scalars.map { $0.isNaN ? $0 : max($0, 0) }), ulps: 0) == nil)
    let signs = x.scalars.map { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
    #expect(x.sign().mismatch(with: Tensor(signs), ulps: 0) == nil)
    #expect((-x).scalars.map(\.sign) == x.scalars.map { $0.sign == .plus ? .minus : .plus })
  }

  private static let functions: [(name: String, apply: @Sendable (Tensor) -> Tensor)] = [
    ("exp", { $0.exp() }), ("log", { $0.log() }), ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }),
    ("relu", { $0.relu() }), ("squareRoot", { $0.squareRoot() }), ("squared", { $0.squared() }),
    ("absolute", { $0.absolute() }), ("sign", { $0.sign() }), ("negate", { -$0 }),
  ]

  // The tail of a vector loop must give the bits of the full vectors, write all of them and nothing else.
  @Test(arguments: functions.indices) func tailsOfAllLengths(index: Int) {
    let (name, apply) = Self.functions[index]
    for n in 0...40 {
      let x = PlainReference.uniform([n], "tail \(n)") * 4
      #expect(
        PlainReference.sameBits(apply(x), PlainReference.oneByOne(x, apply)), "\(name) of \(n) elements")
    }
  }

  // Several tasks of the pool: each begins where the one before ended.
  @Test func longerThanATask() {
    let x = Tensor((0..<70_001).map { Float($0) })
    #expect(x.squared().scalars == (0..<70_001).map { Float($0) * Float($0) })
  }

  // Both levels have FMA, so rounding must not depend on the vector length: trained weights would differ
  // between two machines. Each level needs a process of its own, because it is chosen once.
  @Test func sameBitsOnAVX2AndAVX512() async throws {
    var lines: [String] = []
    for level in ["avx2", "avx512"] {
      let result = try await #require(processExitsWith: .success, observing: [\.standardOutputContent]) {
        [level = level as String] in
        setenv("RAMPART_INSTRUCTIONS", level, 1)
        guard "\(InstructionSet.current)" == level else { return }  // this CPU lacks it
        let x = Tensor(Self.allExponents + Self.spread(-104, 89))
        let key = RandomKey(seed: 5)
        let draws = [
          Tensor.uniform(shape: [10_001], in: -3...5, key: key), .normal(shape: [10_001], key: key),
        ]
        print("bits \(PlainReference.hash(Self.functions.map { $0.apply(x) } + draws))")
      }
      let output = String(decoding: result.standardOutputContent, as: UTF8.self)
      lines += output.split(separator: "\n").filter { $0.hasPrefix("bits ") }.map(String.init)
    }
    #expect(Set(lines).count <= 1, "\(lines)")
  }

  // The variable can only lower the level, and each level is really used.
  @Test func instructionSetIsChosenByTheVariable() async {
    await #expect(processExitsWith: .success) {
      setenv("RAMPART_INSTRUCTIONS", "baseline", 1)
      #expect(InstructionSet.current == .baseline)
    }
    await #expect(processExitsWith: .success) {
      setenv("RAMPART_INSTRUCTIONS", "avx2", 1)
      #expect(InstructionSet.current.rawValue <= InstructionSet.avx2.rawValue)
    }
  }
}

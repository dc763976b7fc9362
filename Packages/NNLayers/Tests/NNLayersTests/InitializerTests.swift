import Foundation
import NNLayers
import TensorCore
import Testing

/// Draws against the distributions of their papers. With n draws, the mean is within 5 σ/√n, and the variance within
/// 5 √((μ₄ − σ⁴)/n) of the truth, five standard deviations: μ₄ is 3σ⁴ for a normal, 9σ⁴/5 for a uniform distribution.
@Suite struct InitializerTests {
  enum Family { case uniform, normal }

  static let cases:
    [(name: String, initializer: Initializer, shape: Shape, family: Family, variance: Double)] = {
      // fans of the matrix are 96 and 64, of the kernel 8·9 and 16·9
      let (matrix, kernel): (Shape, Shape) = ([64, 96], [16, 8, 3, 3])
      return [
        ("default, matrix", .torchDefault, matrix, .uniform, 1 / (3 * 96)),
        ("default, kernel", .torchDefault, kernel, .uniform, 1 / (3 * 72)),
        ("He normal", .kaimingNormal(), matrix, .normal, 2 / 96),
        ("He normal, fan-out", .kaimingNormal(fan: .fanOut), matrix, .normal, 2 / 64),
        ("He normal, kernel", .kaimingNormal(fan: .fanIn), kernel, .normal, 2 / 72),
        ("He normal, kernel, fan-out", .kaimingNormal(fan: .fanOut), kernel, .normal, 2 / 144),
        ("He normal, gain 1", .kaimingNormal(gain: 1), matrix, .normal, 1 / 96),
        ("He uniform", .kaimingUniform(), matrix, .uniform, 2 / 96),
        ("He uniform, fan-out", .kaimingUniform(fan: .fanOut), kernel, .uniform, 2 / 144),
        ("Glorot normal", .xavierNormal(), matrix, .normal, 2 / 160),
        ("Glorot normal, gain 3", .xavierNormal(gain: 3), kernel, .normal, 9 * 2 / 216),
        ("Glorot uniform", .xavierUniform(), matrix, .uniform, 2 / 160),
        ("Glorot uniform, kernel", .xavierUniform(), kernel, .uniform, 2 / 216),
        ("normal", .normal(standardDeviation: 0.01), matrix, .normal, 1e-4),
      ]
    }()

  @Test(arguments: cases.indices) func distribution(_ index: Int) {
    let (name, initializer, shape, family, variance) = Self.cases[index]
    let x = initializer.tensor(shape: shape, key: RandomKey(seed: 21).derived(index))
    #expect(x.shape == shape)
    let n = Double(x.count)
    let mean = x.doubleSum() / n
    let measured = x.sumOfSquares() / n - mean * mean
    #expect(abs(mean) < 5 * (variance / n).squareRoot(), "\(name): mean \(mean)")
    let fourth: Double = family == .normal ? 3 : 9.0 / 5
    #expect(
      abs(measured / variance - 1) < 5 * ((fourth - 1) / n).squareRoot(),
      "\(name): variance \(measured), expected \(variance)")
    // a uniform draw fills its range and no more; a normal one of thousands goes beyond 3 σ
    let (largest, bound) = (Double(x.absolute().max()), (3 * variance).squareRoot())
    switch family {
    case .uniform:
      #expect(largest <= bound * (1 + 1e-6) && largest > 0.99 * bound, "\(name): \(largest) of \(bound)")
    case .normal: #expect(largest > 3 * variance.squareRoot(), "\(name): \(largest)")
    }
  }

  @Test func constantsAndShiftedNormals() {
    #expect(Initializer.constant(0.5).tensor(shape: [3], key: RandomKey(seed: 1)) == Tensor([0.5, 0.5, 0.5]))
    let x = Initializer.normal(mean: 3, standardDeviation: 0.5).tensor(shape: [4096], key: RandomKey(seed: 2))
    #expect(abs(x.mean() - 3) < 5 * 0.5 / 64)
  }

  // PyTorch's default draws biases from the weight's range; the papers' initialisers start them at zero.
  @Test func biases() {
    let drawn = Initializer.torchDefault.bias(outputs: 4096, fanIn: 25, key: RandomKey(seed: 3))
    let largest = drawn.absolute().max()
    #expect(largest <= 0.2 && largest > 0.199)
    for initializer: Initializer in [
      .kaimingNormal(), .xavierUniform(), .normal(standardDeviation: 1), .constant(2),
    ] {
      #expect(initializer.bias(outputs: 3, fanIn: 2, key: RandomKey(seed: 3)) == Tensor([0, 0, 0]))
      let layer = Linear(inputs: 2, outputs: 3, initializer: initializer, key: RandomKey(seed: 3))
      #expect(layer.bias?.value == Tensor([0, 0, 0]))
    }
  }

  @Test func keysDecide() throws {
    func model(_ seed: UInt64) -> MLP { MLP(widths: [8, 8, 8, 8], key: RandomKey(seed: seed)) }
    #expect(model(1).bits == model(1).bits)
    #expect(model(1).bits["0.weight"] != model(2).bits["0.weight"])
    // the same key for two layers, or for weight and bias, would start them alike
    let names = ["0.weight", "2.weight", "4.weight", "0.bias", "2.bias", "4.bias"]
    let firstEight = try names.map { Array(try model(1).value($0).scalars.prefix(8)) }
    #expect(Set(firstEight).count == 6)
  }

  @Test func fansNeedTwoAxes() async {
    await #expect(processExitsWith: .failure) {
      _ = Initializer.xavierNormal().tensor(shape: [3], key: RandomKey(seed: 1))
    }
  }
}

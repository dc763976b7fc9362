import AutoDiffLite
import TensorCore
import Testing

@Suite struct GradientCheckTests {
  private static let key = RandomKey(seed: 2)
  private static func draws(_ shape: Shape, _ label: String) -> Tensor {
    .uniform(shape: shape, in: 0.2...2, key: key.derived(label))
  }
  private let x = draws([4, 4], "x")
  private let w = draws([4, 4], "w")

  private func check(_ inputs: [Tensor], _ function: ([Variable]) -> Variable) -> GradientCheck {
    GradientCheck.run(at: inputs, key: Self.key, function)
  }

  @Test func rightGradientsPass() {
    let check = check([x, w]) { ($0[0].matmul($0[1]).tanh() * $0[0].exp()).log() }
    #expect(check.passed, "\(check)")
    #expect(check.elementCount == 32)
    #expect(check.worstError < 1e-3)
    #expect(check.tolerance == 1e-3)
  }

  // Relative to the largest gradient of all inputs, the error in the small one would be 0.0005 and pass.
  @Test func largeGradientsHideNoErrorInSmallOnes() {
    let wrongByTenPercent = check([x, w]) { inputs in
      let small = Variable.recorded("scaled", inputs[1].value * 0.01, from: inputs[1]) { $0 * 0.011 }
      return inputs[0] + small
    }
    #expect(!wrongByTenPercent.passed && wrongByTenPercent.worstElement.input == 1)
  }

  /// A product with a planted mistake in its gradients.
  private func product(
    _ u: Variable, _ v: Variable, _ wrong: @escaping (Tensor) -> Tensor,
    _ alsoWrong: @escaping (Tensor) -> Tensor = { $0 }
  ) -> Variable {
    let (a, b) = (u.value, v.value)
    return .recorded(
      "product", a.matmul(b), from: (u, { wrong($0.matmul(b, transposingOther: true)) }),
      (v, { alsoWrong(a.matmul($0, transposingSelf: true)) }))
  }

  // A check that passes these is worth nothing.
  @Test(arguments: [
    "wrong sign", "missing factor", "transposed", "1 % too large", "1 % too small", "zero", "NaN", "infinite",
    "rows swapped",
  ])
  func plantedMistakesFail(mistake: String) {
    func wrong(_ gradient: Tensor) -> Tensor {
      switch mistake {
      case "wrong sign": -gradient
      case "missing factor": gradient * 0.5
      case "transposed": gradient.transposed()
      case "1 % too large": gradient * 1.01
      case "1 % too small": gradient * 0.99
      case "zero": gradient * 0
      case "NaN": gradient / 0 * 0
      case "infinite": gradient / 0
      default: gradient.gathered(rows: [1, 0, 2, 3])
      }
    }
    let first = check([x, w]) { product($0[0], $0[1], wrong) }
    #expect(!first.passed && first.worstElement.input == 0, "\(first)")
    // the other input is looked at, too
    let second = check([x, w]) { product($0[0], $0[1], { $0 }, wrong) }
    #expect(!second.passed && second.worstElement.input == 1, "\(second)")
  }

  // The report names the element that is wrong, with both numbers.
  @Test func singleWrongElementIsFound() {
    let check = check([x]) { inputs in
      .recorded("squared", inputs[0].value.squared(), from: inputs[0]) { dy in
        var gradient = dy * 2 * x
        gradient[2, 3] += 3
        return gradient
      }
    }
    #expect(!check.passed)
    #expect(check.worstElement == (0, 11))
    #expect(abs(check.worstPair.gradient - check.worstPair.difference - 3) < 0.01)
    #expect(check.description.contains("at input 0, element 11"))
  }

  // A bend must be further away than the smallest step, 0.001: there the closest difference counts.
  @Test func bendsFurtherThanAStepPass() {
    let near = Tensor([0.002, -0.002, 0.5, -0.5])
    #expect(check([near]) { $0[0].relu() }.passed)
    #expect(check([near]) { $0[0].absolute() }.passed)
    // at the bend itself the difference is ½, the gradient 0
    #expect(!check([Tensor([0, 1])]) { $0[0].relu() }.passed)
  }

  // Only so many elements of a large input are checked, others for another key.
  @Test func largeInputsAreSampled() {
    let large = Self.draws([30, 30], "large")
    let check = GradientCheck.run(at: [large, x], key: Self.key, elements: 20) { $0[0].sum() + $0[1].sum() }
    #expect(check.elementCount == 36)
    #expect(check.passed)
    let visited = (0..<40).map { seed in
      GradientCheck.run(at: [large], key: RandomKey(seed: seed), elements: 1) { inputs in
        .recorded("off", inputs[0].value, from: inputs[0]) { dy in dy * 2 }
      }.worstElement.position
    }
    #expect(Set(visited).count > 30)
  }

  @Test func toleranceIsTheCallers() {
    let off = { (inputs: [Variable]) -> Variable in
      .recorded("off", inputs[0].value, from: inputs[0]) { dy in dy * 1.01 }
    }
    #expect(!GradientCheck.run(at: [x], key: Self.key, tolerance: 9e-3, off).passed)
    #expect(GradientCheck.run(at: [x], key: Self.key, tolerance: 1.1e-2, off).passed)
  }
}

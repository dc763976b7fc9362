import TensorCore

/// Compares an operation's gradients with central differences: for authors of operations and layers.
///
///     let check = GradientCheck.run(at: [x, w], key: RandomKey(seed: 1)) { $0[0].matmul($0[1]) }
///     #expect(check.passed, "\(check)")
///
/// Differences are those of the `Float` forward pass; the objective `Σ cᵢ yᵢ`, with cotangents c drawn from
/// U(−1, 1), is summed in `Double`. Each difference is taken at several step sizes and the closest counts: large
/// steps bend, small ones round. Points where the operation has a kink must be kept further away than the
/// smallest step, 0.001.
public struct GradientCheck: CustomStringConvertible, Sendable {
  /// The largest `|gradient − difference|` over all checked elements, relative to the largest difference of the same
  /// input, or to a hundredth of the largest of all where that is more.
  public let worstError: Double
  /// The largest error that passes.
  public let tolerance: Double
  /// Which input held the worst element, and its position in row-major order.
  public let worstElement: (input: Int, position: Int)
  /// The gradient and the difference there.
  public let worstPair: (gradient: Double, difference: Double)
  /// How many elements were compared.
  public let elementCount: Int

  /// Whether every element agreed.
  public var passed: Bool { worstError <= tolerance }

  /// One sentence with the worst element.
  public var description: String {
    "gradient check of \(elementCount) elements: worst relative error \(worstError) (tolerance \(tolerance)) at input "
      + "\(worstElement.input), element \(worstElement.position): gradient \(worstPair.gradient), "
      + "difference \(worstPair.difference)"
  }

  private static let steps: [Float] = [0.1, 0.03, 0.01, 0.003, 0.001]

  /// Checks the gradients of `function` with respect to all inputs.
  ///
  /// - Parameters:
  ///   - inputs: where to check.
  ///   - key: decides the cotangents and, in large inputs, the elements.
  ///   - tolerance: the largest error that passes.
  ///   - elements: at most this many elements of each input are checked.
  public static func run(
    at inputs: [Tensor], key: RandomKey, tolerance: Double = 1e-3, elements: Int = 64,
    _ function: ([Variable]) -> Variable
  ) -> GradientCheck {
    let leaves = inputs.map(Variable.leaf)
    let output = function(leaves)
    let cotangents = Tensor.uniform(shape: output.shape, in: -1...1, key: key.derived("cotangents"))
    let gradients = output.gradients(withRespectTo: leaves, upstream: cotangents)

    func objective(_ changed: [Tensor]) -> Double {
      let y = function(changed.map { Variable($0) }).value.scalars
      return zip(y, cotangents.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    var pairs: [(input: Int, position: Int, gradient: Double, difference: Double)] = []
    for (index, x) in inputs.enumerated() {
      let scalars = x.scalars
      let order = key.derived("elements").derived(index).permutation(count: x.count)
      for position in order.prefix(elements) {
        let gradient = Double(gradients[index].scalars[position])
        var closest = Double.infinity
        for step in steps {
          var (up, down) = (scalars, scalars)
          up[position] += step
          down[position] -= step
          var (above, below) = (inputs, inputs)
          above[index] = Tensor(shape: x.shape, scalars: up)
          below[index] = Tensor(shape: x.shape, scalars: down)
          // the distance that Float really has between the two points
          let distance = Double(up[position]) - Double(down[position])
          let difference = (objective(above) - objective(below)) / distance
          if abs(difference - gradient) < abs(closest - gradient) { closest = difference }
        }
        pairs.append((index, position, gradient, closest))
      }
    }
    func largest(_ input: Int?) -> Double {
      pairs.reduce(1e-6) { input == nil || $1.input == input ? max($0, abs($1.difference)) : $0 }
    }
    // Each input by its own scale, so that a large gradient of one does not hide an error in another; but not finer
    // than rounding in the common objective allows.
    let scales = inputs.indices.map { max(largest($0), largest(nil) / 100) }
    func error(_ pair: (input: Int, position: Int, gradient: Double, difference: Double)) -> Double {
      let error = abs(pair.gradient - pair.difference) / scales[pair.input]
      return error.isNaN ? .infinity : error
    }
    let worst = pairs.max { error($0) < error($1) } ?? (0, 0, 0, 0)
    return GradientCheck(
      worstError: error(worst), tolerance: tolerance, worstElement: (worst.input, worst.position),
      worstPair: (worst.gradient, worst.difference), elementCount: pairs.count)
  }
}

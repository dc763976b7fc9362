/// A weight in 8 bits, symmetric, one step for each output channel:
///
///     weight ≈ stepₒ · q,  stepₒ = max |weightₒ| / 127,  q = round(weight / stepₒ), ties to even
struct QuantizedWeights: Sendable {
  /// `[outputs, …]`.
  let shape: Shape
  /// −127 to 127, in row-major order.
  let values: [Int8]
  /// `[outputs]`, positive; 1 for an output without weights.
  let steps: [Float]

  /// Weights that were quantised before.
  init(shape: Shape, values: [Int8], steps: [Float]) {
    precondition(
      values.count == shape.count && steps.count == shape[0],
      "QuantizedWeights: \(values.count) values and \(steps.count) steps for \(shape)")
    (self.shape, self.values, self.steps) = (shape, values, steps)
  }

  /// Rounds a weight `[outputs, …]`.
  init(quantizing weight: Tensor) {
    shape = weight.shape
    let outputs = weight.shape[0]
    let perOutput = weight.count / max(1, outputs)
    var (values, steps) = ([Int8](), [Float]())
    values.reserveCapacity(weight.count)
    weight.withUnsafeBufferPointer { scalars in
      for o in 0..<outputs {
        let row = scalars[(o * perOutput)..<((o + 1) * perOutput)]
        let largest = row.reduce(Float(0)) { max($0, abs($1)) }
        let step = largest / 127 > 0 ? largest / 127 : 1
        steps.append(step)
        values += row.map { Int8(max(-127, min(127, ($0 / step).rounded(.toNearestOrEven)))) }
      }
    }
    (self.values, self.steps) = (values, steps)
  }

  /// The same numbers under another shape with as many outputs.
  func reshaped(to other: Shape) -> QuantizedWeights {
    QuantizedWeights(shape: other, values: values, steps: steps)
  }

  /// What the bytes stand for: the weight, rounded.
  var tensor: Tensor {
    let perOutput = values.count / max(1, steps.count)
    return Tensor(shape: shape) { result in
      for i in values.indices { result[i] = steps[i / perOutput] * Float(values[i]) }
    }
  }
}

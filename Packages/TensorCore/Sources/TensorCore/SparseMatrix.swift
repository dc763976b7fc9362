internal import CKernels

/// A matrix of which most elements are zero. Only the others are kept, row by row, each with its column.
///
/// A masked weight of a linear layer is such a matrix: `SparseMatrix(weight)`.
public struct SparseMatrix: Sendable {
  /// `[rows, columns]`, zeros counted.
  public let shape: Shape
  private let starts: FixedArray<UInt32>
  private let taps: FixedArray<ck_sparse_tap>

  /// Packs the elements of a dense matrix that are not zero.
  ///
  /// - Precondition: rank 2.
  public init(_ matrix: Tensor) {
    precondition(matrix.rank == 2, "SparseMatrix: expected a matrix, got \(matrix.shape)")
    shape = matrix.shape
    var starts: [UInt32] = [0]
    var taps: [ck_sparse_tap] = []
    let columns = matrix.shape[1]
    matrix.withUnsafeBufferPointer { values in
      for row in 0..<matrix.shape[0] {
        for column in 0..<columns where values[row * columns + column] != 0 {
          taps.append(ck_sparse_tap(place: UInt32(column), weight: values[row * columns + column]))
        }
        starts.append(UInt32(taps.count))
      }
    }
    self.starts = FixedArray(starts)
    self.taps = FixedArray(taps)
  }

  /// How many elements are not zero.
  public var nonzeroCount: Int { taps.count }

  /// The share of the elements that are zero, from 0 to 1; 0 for an empty matrix.
  public var sparsity: Double { shape.count == 0 ? 0 : 1 - Double(nonzeroCount) / Double(shape.count) }

  /// `y[row][sample]` for x as `[columns][sample]`, with some floats after its last that may be read.
  fileprivate func multiply(_ x: UnsafePointer<Float>, samples: Int, into y: SendablePointer<Float>) {
    let work = max(1, nonzeroCount / max(1, shape[0]) * samples)
    withExtendedLifetime((starts, taps)) {
      ThreadPool.run(count: shape[0], inChunksOf: max(1, (1 << 18) / work)) { rows in
        ck_sparse_rows(
          starts.base + rows.lowerBound, taps.base, rows.count, x, samples,
          y.pointer + rows.lowerBound * samples)
      }
    }
  }
}

extension Tensor {
  /// A fully connected layer with a sparse weight, `x·weightᵀ + bias`: `[n, k] → [n, rows of the weight]`.
  ///
  /// Products with zero weights are left out, also those with infinity and NaN. A sum has the same bits in every batch
  /// and on any number of threads.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, k]`.
  ///   - bias: `[outputs]`.
  ///   - thenReLU: whether negative results become 0.
  public func linear(weight: SparseMatrix, bias: Tensor?, thenReLU: Bool = false) -> Tensor {
    precondition(
      rank == 2 && shape[1] == weight.shape[1], "linear: input \(shape) for a weight \(weight.shape)")
    precondition(
      bias == nil || bias!.shape == [weight.shape[0]],
      "linear: weight \(weight.shape) with bias \(bias.map { "\($0.shape)" } ?? "none")")
    let (samples, inputs, outputs) = (shape[0], shape[1], weight.shape[0])
    let result = Tensor(uninitialized: [samples, outputs])
    if result.count == 0 { return result }
    let target = SendablePointer(result.freshPointer)
    withExtendedLifetime((self, bias)) {
      if samples == 1 {
        weight.multiply(pointer, samples: 1, into: target)
      } else {
        // The kernel reads whole vectors, beyond the last sample too.
        let counts = (x: inputs * samples + 64, y: outputs * samples)
        let (x, y) = (ck_buffer_take(counts.x)!, ck_buffer_take(counts.y)!)
        defer {
          ck_buffer_return(x, counts.x)
          ck_buffer_return(y, counts.y)
        }
        ck_transpose(pointer, x, samples, inputs)
        weight.multiply(x, samples: samples, into: SendablePointer(y))
        ck_transpose(y, target.pointer, outputs, samples)
      }
      for row in 0..<samples {
        let place = target.pointer + row * outputs
        if let bias { ck_binary(ck_add, place, 1, bias.pointer, 1, place, outputs) }
        if thenReLU { ck_unary(ck_relu, place, place, outputs) }
      }
    }
    return result
  }
}

internal import CKernels

extension Tensor {
  /// x · Φ(x) with Φ the normal distribution function: the exact GELU. With `approximate`, the form
  /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which differs by up to 5·10⁻⁴.
  ///
  /// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
  public func gelu(approximate: Bool = false) -> Tensor { activated(approximate ? ck_gelu_tanh : ck_gelu) }

  /// The gradient of `gelu` at this tensor: `dy (Φ(x) + x φ(x))`, or that of the approximation.
  public func geluGradient(upstream dy: Tensor, approximate: Bool = false) -> Tensor {
    activationGradient(approximate ? ck_gelu_tanh : ck_gelu, dy)
  }

  /// x / (1 + e^−x), also called swish.
  public func silu() -> Tensor { activated(ck_silu) }

  /// The gradient of `silu` at this tensor: `dy s (1 + x (1 − s))` with `s = 1 / (1 + e^−x)`.
  public func siluGradient(upstream dy: Tensor) -> Tensor { activationGradient(ck_silu, dy) }

  private func activated(_ kind: ck_activation_kind) -> Tensor {
    let result = Tensor(uninitialized: shape)
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(self) {
      ThreadPool.run(count: count, inChunksOf: elementwiseChunk) { range in
        ck_activation(kind, source + range.lowerBound, target.pointer + range.lowerBound, range.count)
      }
    }
    return result
  }

  private func activationGradient(_ kind: ck_activation_kind, _ dy: Tensor) -> Tensor {
    precondition(dy.shape == shape, "activation gradient: upstream \(dy.shape) for \(shape)")
    let result = Tensor(uninitialized: shape)
    let (source, upstream, target) = (pointer, dy.pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime((self, dy)) {
      ThreadPool.run(count: count, inChunksOf: elementwiseChunk) { range in
        let first = range.lowerBound
        ck_activation_gradient(kind, source + first, upstream + first, target.pointer + first, range.count)
      }
    }
    return result
  }
}

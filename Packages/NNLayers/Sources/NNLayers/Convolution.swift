import AutoDiffLite
import TensorCore

/// A convolution over images: `[n, inputs, h, w] → [n, outputs, h', w']`, each side
/// `(side + 2·padding − dilation·(kernel − 1) − 1) / stride + 1`, rounded down.
public struct Convolution: ReLUFusing {
  /// `[outputs, inputs / groups, kernel height, kernel width]`.
  public var weight: Parameter
  /// `[outputs]`; nil for a layer without bias.
  public var bias: Parameter?
  /// Stride, padding, dilation and groups.
  public let settings: ConvolutionSettings

  /// A layer with freshly drawn parameters.
  ///
  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - outputs: channels of the output.
  ///   - kernel: the size of the kernel; an integer stands for a square.
  ///   - stride: pixels from one output to the next.
  ///   - padding: zeros around the image, on each side.
  ///   - dilation: pixels from one kernel element to the next.
  ///   - groups: into how many groups the channels are cut; outputs see inputs of their group only.
  ///   - initializer: how the weight is drawn; the default is PyTorch's, U(−1/√fan-in, 1/√fan-in).
  ///   - hasBias: whether there is a bias. It is drawn from the same range with the default initializer and starts at
  ///     zero with any other.
  ///   - key: decides the draws.
  /// - Precondition: `groups` divides inputs and outputs.
  public init(
    inputs: Int, outputs: Int, kernel: Extent, stride: Extent = 1, padding: Extent = 0, dilation: Extent = 1,
    groups: Int = 1, initializer: Initializer = .torchDefault, hasBias: Bool = true, key: RandomKey
  ) {
    precondition(
      inputs % groups == 0 && outputs % groups == 0,
      "Convolution: \(groups) groups of \(inputs) inputs and \(outputs) outputs")
    settings = ConvolutionSettings(stride: stride, padding: padding, dilation: dilation, groups: groups)
    let shape: Shape = [outputs, inputs / groups, kernel.height, kernel.width]
    weight = Parameter(initializer.tensor(shape: shape, key: key.derived("weight")))
    if hasBias {
      let fanIn = inputs / groups * kernel.height * kernel.width
      bias = Parameter(initializer.bias(outputs: outputs, fanIn: fanIn, key: key.derived("bias")))
    }
  }

  /// `[n, inputs, h, w] → [n, outputs, h', w']`.
  public func callAsFunction(_ x: Variable, in pass: Pass, thenReLU: Bool) -> Variable {
    precondition(
      x.shape.rank == 4 && x.shape[1] == weight.value.shape[1] * settings.groups,
      "Convolution \(pass.path): expected [n, \(weight.value.shape[1] * settings.groups), h, w], got \(x.shape)"
    )
    return x.convolved(
      weight: weight.variable, bias: bias?.variable, settings: settings, thenReLU: thenReLU)
  }

  /// A convolution.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.convolution(
      x, weight: weight.value, bias: bias?.value, settings: settings, execution: builder.execution)
  }

  /// `weight`, then `bias`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    visit("weight", &weight)
    if bias != nil { visit("bias", &bias!) }
  }
}

/// A network with fixed weights as a list of operations on one sample: what a model hands over to be compiled into a
/// `CompiledGraph`. Every method adds an operation and returns its result.
///
///     var graph = ComputationGraph(input: [1, 28, 28])
///     let y = graph.relu(graph.convolution(graph.input, weight: w, bias: b, settings: settings))
///     let plan = CompiledGraph(graph, outputs: [y])
public struct ComputationGraph: Sendable {
  /// A result inside a graph.
  public struct Value: Hashable, Sendable {
    let index: Int
  }

  /// An operation that the graph does not know: it is called as it is, on whole batches.
  public struct Custom: Sendable {
    let forward: @Sendable (Tensor) -> Tensor
    let gradient: @Sendable (_ x: Tensor, _ dy: Tensor) -> Tensor

    /// - Parameters:
    ///   - forward: `[n, …] → [n, …]`.
    ///   - gradient: the product of an upstream gradient with the Jacobian at x.
    public init(
      forward: @escaping @Sendable (Tensor) -> Tensor,
      gradient: @escaping @Sendable (_ x: Tensor, _ dy: Tensor) -> Tensor
    ) {
      self.forward = forward
      self.gradient = gradient
    }
  }

  enum Operation: Sendable {
    case input
    case convolution(weight: Tensor, bias: Tensor?, settings: ConvolutionSettings, execution: WeightExecution)
    case linear(weight: Tensor, bias: Tensor?, execution: WeightExecution)
    case affine(scale: Tensor, shift: Tensor)
    case relu
    case maxPool(PoolingWindow)
    case averagePool(PoolingWindow, countsPadding: Bool)
    case adaptiveAveragePool(Extent)
    case reshape
    case sum
    case custom(Custom)
  }

  struct Node: Sendable {
    var operation: Operation
    var inputs: [Int]
    /// Without the batch.
    var shape: Shape
  }

  var nodes: [Node]

  /// A graph that does nothing yet.
  ///
  /// - Parameter input: the shape of one sample, `[c, h, w]` or `[features]`.
  public init(input: Shape) { nodes = [Node(operation: .input, inputs: [], shape: input)] }

  /// The sample.
  public var input: Value { Value(index: 0) }

  /// The shape of a result, without the batch.
  public func shape(of x: Value) -> Shape { nodes[x.index].shape }

  private mutating func add(_ operation: Operation, _ inputs: [Value], _ shape: Shape) -> Value {
    nodes.append(Node(operation: operation, inputs: inputs.map(\.index), shape: shape))
    return Value(index: nodes.count - 1)
  }

  /// A convolution of `[c, h, w]`; see `Tensor.convolved`.
  ///
  /// - Parameter execution: how the forward pass is computed; the way back is always `dense`.
  public mutating func convolution(
    _ x: Value, weight: Tensor, bias: Tensor?, settings: ConvolutionSettings,
    execution: WeightExecution = .dense
  ) -> Value {
    let output = settings.outputShape(input: shape(of: x).inserting(axis: 0), weight: weight.shape)
    precondition(
      bias == nil || bias!.shape == [weight.shape[0]],
      "convolution: weight \(weight.shape) with bias \(bias!.shape)")
    return add(
      .convolution(weight: weight, bias: bias, settings: settings, execution: execution), [x],
      output.removing(axis: 0))
  }

  /// A fully connected layer, `[k] → [outputs]` with weight `[outputs, k]`.
  ///
  /// - Parameter execution: how the forward pass is computed, `dense` or `sparse`; the way back is always `dense`.
  public mutating func linear(
    _ x: Value, weight: Tensor, bias: Tensor?, execution: WeightExecution = .dense
  ) -> Value {
    precondition(
      weight.rank == 2 && shape(of: x) == [weight.shape[1]],
      "linear: weight \(weight.shape) for a sample \(shape(of: x))")
    precondition(
      bias == nil || bias!.shape == [weight.shape[0]],
      "linear: weight \(weight.shape) with bias \(bias!.shape)")
    return add(.linear(weight: weight, bias: bias, execution: execution), [x], [weight.shape[0]])
  }

  /// `scale[c] · x + shift[c]` for each channel c of `[c, …]`.
  public mutating func affine(_ x: Value, scale: Tensor, shift: Tensor) -> Value {
    let channels = shape(of: x)[0]
    precondition(
      scale.shape == [channels] && shift.shape == [channels],
      "affine: scale \(scale.shape) and shift \(shift.shape) for a sample \(shape(of: x))")
    return add(.affine(scale: scale, shift: shift), [x], shape(of: x))
  }

  /// max(x, 0).
  public mutating func relu(_ x: Value) -> Value { add(.relu, [x], shape(of: x)) }

  /// The largest element of each window of `[c, h, w]`; see `Tensor.maxPooled`.
  public mutating func maxPool(_ x: Value, _ window: PoolingWindow) -> Value {
    add(.maxPool(window), [x], pooled(x) { $0.maxPooled(window) })
  }

  /// The mean of each window of `[c, h, w]`; see `Tensor.averagePooled`.
  public mutating func averagePool(_ x: Value, _ window: PoolingWindow, countsPadding: Bool = true) -> Value {
    add(
      .averagePool(window, countsPadding: countsPadding), [x],
      pooled(x) { $0.averagePooled(window, countsPadding: countsPadding) })
  }

  /// Means over windows chosen so that `size` pixels result; see `Tensor.adaptiveAveragePooled`.
  public mutating func adaptiveAveragePool(_ x: Value, to size: Extent) -> Value {
    add(.adaptiveAveragePool(size), [x], pooled(x) { $0.adaptiveAveragePooled(to: size) })
  }

  private func pooled(_ x: Value, _ pool: (Tensor) -> Tensor) -> Shape {
    pool(.zeros(shape: shape(of: x).inserting(axis: 0))).shape.removing(axis: 0)
  }

  /// The same numbers under another shape.
  public mutating func reshape(_ x: Value, to newShape: Shape) -> Value {
    precondition(
      newShape.count == shape(of: x).count,
      "reshape: \(shape(of: x)) holds \(shape(of: x).count), not \(newShape)")
    return add(.reshape, [x], newShape)
  }

  /// All axes joined.
  public mutating func flatten(_ x: Value) -> Value { reshape(x, to: [shape(of: x).count]) }

  /// a + b, of the same shape.
  public mutating func sum(_ a: Value, _ b: Value) -> Value {
    precondition(shape(of: a) == shape(of: b), "sum: \(shape(of: a)) and \(shape(of: b))")
    return add(.sum, [a, b], shape(of: a))
  }

  /// Anything else.
  public mutating func custom(_ x: Value, shape: Shape, _ custom: Custom) -> Value {
    add(.custom(custom), [x], shape)
  }
}

internal import CKernels

/// A graph that computes with bytes: static 8-bit quantisation of activations (one scale and zero point a tensor) and of
/// weights (one scale an output channel, symmetric), batch norm folded first. Sums of products are exact integers; what
/// ends them is computed in floats, rounded after every operation, ties to even, so all CPUs give the same bits. Only the
/// last product gives floats.
///
/// Images lie with the channels of a pixel side by side; a bias, a residual and a ReLU join the product before them.
public final class QuantizedGraph: Sendable {
  private typealias Operand = QuantizedProduct.Operand

  private enum Work: Sendable {
    case product(QuantizedProduct)
    case maxPool(PoolingWindow)
    case means(rows: [Range<Int>], columns: [Range<Int>])
    /// A byte for each channel and byte.
    case table([UInt8])
  }

  private struct Step: Sendable {
    let work: Work
    let input: Int
    let addend: Int?
    let output: Int
    let thenReLU: Bool
    /// Slots that nobody needs after this step.
    var dead: [Int] = []
  }

  private let sample: Shape
  private let operands: [Int: Operand]
  private let steps: [Step]
  private let entrance: Int
  private let entranceScale: [Float], entranceShift: [Float]
  private let exit: Int
  private let exitShape: Shape
  private let slots: Int
  /// How many samples run at a time at most.
  private static let chunk = 4
  private let portable: Bool

  /// Whether this CPU multiplies and adds bytes in one instruction; without it, bytes are slower than floats.
  public static var isAccelerated: Bool { ck_int8_has_vnni() != 0 }

  /// - Parameters:
  ///   - output: what `run` returns: the result of a convolution of one pixel or of a fully connected layer.
  ///   - calibration: samples like those to come, `[n, …]`; a few dozen are enough.
  ///   - rule: how each activation's range follows from the calibration.
  /// - Throws: `InputError.unsupported` for operations other than convolutions without groups, fully connected layers,
  ///   pooling, ReLU, a factor and offset for each channel, residual sums that join a convolution, and flattening;
  ///   `.outOfRange` for activations that are not finite.
  public convenience init(
    _ graph: ComputationGraph, output: ComputationGraph.Value, calibration: Tensor,
    rule: QuantizationRule = .minMax
  ) throws {
    try self.init(StoredNetwork(graph, output: output, calibration: calibration, rule: rule))
  }

  /// A network that was quantised before.
  ///
  /// - Throws: `InputError.unsupported` and `.mismatch` for a network that bytes cannot compute.
  /// - Precondition: it is in 8 bits.
  public convenience init(_ network: StoredNetwork) throws { try self.init(network, portable: false) }

  init(_ network: StoredNetwork, portable: Bool) throws {
    guard let quantization = network.quantization else {
      preconditionFailure("QuantizedGraph: a network in floats")
    }
    self.portable = portable
    let (graph, output) = (network.graph, network.output)
    sample = graph.nodes[0].shape
    slots = graph.nodes.count
    exit = output.index
    exitShape = graph.nodes[output.index].shape
    let builder = try QuantizationBuilder(graph, output: output, formats: quantization.formats(for:))
    entrance = builder.entrance
    (entranceScale, entranceShift) = (builder.entranceScale, builder.entranceShift)
    operands = builder.operands
    guard let last = builder.steps.last, last.output == output.index, last.addend == nil,
      QuantizationBuilder.isProduct(last.operation), exitShape.count == exitShape[0]
    else {
      throw InputError(
        .unsupported, "8-bit execution", expected: "a network that ends in a product of one pixel",
        found: "another end")
    }
    var steps: [Step] = []
    for step in builder.steps {
      let input = builder.source(of: step.inputs[0])
      let addend = step.addend.map { builder.source(of: $0) }
      if case .reshape = step.operation { continue }
      let work = try Self.work(
        step, input, addend, builder, quantization.weights[step.place], isLast: step.output == output.index)
      steps.append(
        Step(work: work, input: input, addend: addend, output: step.output, thenReLU: step.thenReLU))
    }
    for index in steps.indices {
      let used = Set([steps[index].input] + (steps[index].addend.map { [$0] } ?? []))
      let later = steps[(index + 1)...].flatMap { [$0.input] + ($0.addend.map { [$0] } ?? []) }
      steps[index].dead = used.subtracting(later).sorted()
    }
    self.steps = steps
  }

  private static func work(
    _ step: GraphStep, _ input: Int, _ addend: Int?, _ builder: QuantizationBuilder,
    _ weights: QuantizedWeights?, isLast: Bool
  ) throws -> Work {
    let x = builder.operands[input]!
    let result = isLast ? nil : builder.operands[step.output]!
    func product(
      _ shape: Shape, _ bias: Tensor?, _ settings: ConvolutionSettings, _ output: Extent
    ) -> Work {
      .product(
        QuantizedProduct(
          weight: weights!.reshaped(to: shape), bias: bias, settings: settings, thenReLU: step.thenReLU, x: x,
          result: result,
          addend: addend.map { builder.operands[$0]!.format }, output: output, samples: chunk))
    }
    switch step.operation {
    case .convolution(let weight, let bias, let settings, _):
      let image: Shape = [1, x.layout.channels, x.layout.height, x.layout.width]
      let output = settings.outputShape(input: image, weight: weight.shape)
      return product(weight.shape, bias, settings, Extent(height: output[2], width: output[3]))
    case .linear(let weight, let bias, _):
      // Over a flattened image it is a convolution whose kernel is as large as the image.
      let kernel = [weight.shape[0], x.layout.channels, x.layout.height, x.layout.width]
      return product(Shape(kernel), bias, ConvolutionSettings(), 1)
    case .maxPool(let window): return .maxPool(window)
    case .averagePool, .adaptiveAveragePool:
      let windows = builder.windows(step, x.layout)
      return .means(rows: windows.rows, columns: windows.columns)
    case .affine(let scale, let shift):
      return .table(table(x, result!.format, scale.scalars, shift.scalars, step.thenReLU))
    case .relu:
      let channels = x.layout.channels
      return .table(
        table(
          x, result!.format, [Float](repeating: 1, count: channels), [Float](repeating: 0, count: channels),
          true))
    default: throw QuantizationBuilder.unsupported(step.operation)
    }
  }

  private static func table(
    _ x: Operand, _ format: ByteFormat, _ scale: [Float], _ shift: [Float], _ thenReLU: Bool
  ) -> [UInt8] {
    var table = [UInt8](repeating: UInt8(format.zero), count: x.layout.depth * 256)
    for channel in 0..<x.layout.channels {
      for byte in 0..<256 {
        let y = Double(scale[channel]) * x.format.value(UInt8(byte)) + Double(shift[channel])
        table[channel * 256 + byte] = format.byte(thenReLU ? Swift.max(0, y) : y)
      }
    }
    return table
  }

  /// The output for a batch: `[n, …]`.
  public func run(_ x: Tensor) -> Tensor {
    precondition(
      x.rank == sample.rank + 1 && x.shape.removing(axis: 0) == sample,
      "QuantizedGraph: expected [n] + \(sample), got \(x.shape)")
    let count = x.shape[0]
    let result = Tensor(uninitialized: exitShape.inserting(axis: 0).replacing(axis: 0, with: count))
    if count == 0 { return result }
    let target = SendablePointer(result.freshPointer)
    let (unit, outputs) = (sample.count, exitShape.count)
    let chunks = Swift.max((count - 1) / Self.chunk + 1, Swift.min(ThreadPool.threadCount, count / 2))
    func part(_ index: Int) {
      let rows = (index * count / chunks)..<((index + 1) * count / chunks)
      run(
        x.pointer + rows.lowerBound * unit, samples: rows.count,
        into: target.pointer + rows.lowerBound * outputs)
    }
    withExtendedLifetime(x) {
      if chunks < ThreadPool.threadCount {
        for index in 0..<chunks { part(index) }
      } else {
        ThreadPool.run(tasks: chunks, part)
      }
    }
    return result
  }

  private func run(_ x: UnsafePointer<Float>, samples: Int, into y: UnsafeMutablePointer<Float>) {
    var values = [ByteBuffer?](repeating: nil, count: slots)
    let first = operands[entrance]!
    values[entrance] = ByteBuffer(first, samples: samples)
    values[entrance]!.fill(x, first, entranceScale, entranceShift, samples: samples)
    for step in steps {
      let from = values[step.input]!
      if step.output == exit, case .product(let product) = step.work {
        let padded = (exitShape.count + 15) / 16 * 16
        let floats = ck_buffer_take(samples * padded)!
        defer { ck_buffer_return(floats, samples * padded) }
        product.run(
          from.base, samples: samples, addend: nil, bytes: nil, floats: floats, portable: portable)
        for row in 0..<samples {
          for i in 0..<exitShape.count {
            let value = floats[row * padded + i]
            y[row * exitShape.count + i] = step.thenReLU && value < 0 ? 0 : value
          }
        }
        return
      }
      let (x, operand) = (operands[step.input]!, operands[step.output]!)
      let to = ByteBuffer(operand, samples: samples)
      switch step.work {
      case .product(let product):
        product.run(
          from.base, samples: samples, addend: step.addend.map { UnsafePointer(values[$0]!.base) },
          bytes: to.base,
          floats: nil, portable: portable)
      case .maxPool(let window): to.pool(from, x, operand, window, thenReLU: step.thenReLU, samples: samples)
      case .means(let rows, let columns): to.average(from, x, operand, rows, columns, samples: samples)
      case .table(let table): to.map(from, x, operand, table, samples: samples)
      }
      values[step.output] = to
      for slot in step.dead { values[slot] = nil }
    }
  }
}

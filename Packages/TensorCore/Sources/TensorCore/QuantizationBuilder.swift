/// Finds what a graph's activations are to be stored as: layout, border and format of each.
struct QuantizationBuilder {
  let steps: [GraphStep]
  private(set) var operands: [Int: QuantizedProduct.Operand] = [:]
  /// The slot that is filled from floats, and the factor and offset of each channel on the way.
  private(set) var entrance = 0
  private(set) var entranceScale: [Float]
  private(set) var entranceShift: [Float]
  /// Slots that are others under another shape.
  private var aliases: [Int: Int] = [:]

  /// - Parameter formats: from the places of results that are kept as bytes to their formats.
  init(
    _ graph: ComputationGraph, output: ComputationGraph.Value,
    formats: (_ places: [Int]) throws -> [Int: ByteFormat]
  ) throws {
    var steps = GraphFusion.steps(of: graph, kept: [output.index], endings: false)
    let channels = graph.nodes[0].shape.rank == 3 ? graph.nodes[0].shape[0] : graph.nodes[0].shape.count
    entranceScale = [Float](repeating: 1, count: channels)
    entranceShift = [Float](repeating: 0, count: channels)
    // A factor and offset of the input itself is part of its quantisation.
    let readers = steps.filter { ($0.inputs + [$0.addend ?? -1]).contains(0) }
    if readers.count == 1, let first = steps.first, case .affine(let scale, let shift) = first.operation,
      !first.thenReLU, first.output != output.index
    {
      (entranceScale, entranceShift, entrance) = (scale.scalars, shift.scalars, first.output)
      steps.removeFirst()
    }
    self.steps = steps
    guard [1, 3].contains(graph.nodes[0].shape.rank) else { throw Self.unsupported(.input) }
    for step in steps {
      switch step.operation {
      case .reshape: aliases[step.output] = source(of: step.inputs[0])
      // The bytes lie as before, so only a product over all of them can read them under another shape.
      case let operation where aliases[step.inputs[0]] != nil:
        if case .linear = operation { break }
        throw Self.unsupported(operation)
      case .convolution(_, _, let settings, _) where settings.groups != 1:
        throw Self.unsupported(step.operation)
      case .averagePool(let window, countsPadding: true) where window.padding != 0:
        throw Self.unsupported(step.operation)
      default: break
      }
    }
    let places = [entrance] + steps.map(\.output).filter { $0 != output.index && aliases[$0] == nil }
    let formats = try formats(places)
    var borders: [Int: Extent] = [:]
    for step in steps {
      if case .convolution(_, _, let settings, _) = step.operation {
        let slot = source(of: step.inputs[0])
        let old = borders[slot] ?? 0
        borders[slot] = Extent(
          height: max(old.height, settings.padding.height), width: max(old.width, settings.padding.width))
      }
      if let addend = step.addend { borders[source(of: addend)] = borders[source(of: addend)] ?? 0 }
    }
    // A residual lies as the result does that it is added to.
    for step in steps.reversed() {
      guard let addend = step.addend else { continue }
      let (a, b) = (borders[source(of: addend)] ?? 0, borders[step.output] ?? 0)
      let both = Extent(height: max(a.height, b.height), width: max(a.width, b.width))
      borders[source(of: addend)] = both
      borders[step.output] = both
    }
    for slot in places {
      let readers = steps.filter { aliases[$0.output] == nil && source(of: $0.inputs[0]) == slot }
      let isRead4 = slot == entrance && readers.allSatisfy { Self.isProduct($0.operation) }
      var layout = ByteLayout(graph.nodes[slot].shape, multiple: isRead4 ? 4 : 16)
      layout.border = borders[slot] ?? 0
      operands[slot] = QuantizedProduct.Operand(layout: layout, format: formats[slot]!)
    }
    for step in steps {
      // The largest bytes are kept as they are.
      if case .maxPool = step.operation, let x = operands[source(of: step.inputs[0])],
        let y = operands[step.output]
      {
        operands[step.output] = QuantizedProduct.Operand(layout: y.layout, format: x.format)
      }
      if let addend = step.addend, step.output != output.index,
        operands[source(of: addend)]!.layout != operands[step.output]!.layout
      {
        throw Self.unsupported(step.operation)
      }
    }
  }

  /// The slot whose memory a slot is.
  func source(of slot: Int) -> Int { aliases[slot] ?? slot }

  static func unsupported(_ operation: ComputationGraph.Operation) -> InputError {
    InputError(
      .unsupported, "8-bit execution",
      expected: "convolutions without groups, linear layers, pooling and ReLU",
      found: Mirror(reflecting: operation).children.first?.label ?? "\(operation)")
  }

  /// Whether an operation is computed as a product of bytes.
  static func isProduct(_ operation: ComputationGraph.Operation) -> Bool {
    switch operation {
    case .convolution, .linear: true
    default: false
    }
  }

  /// The pixels that each output row and column of a pooling step takes the mean of.
  func windows(_ step: GraphStep, _ x: ByteLayout) -> (rows: [Range<Int>], columns: [Range<Int>]) {
    let grid: (rows: PoolingGrid.Axis, columns: PoolingGrid.Axis)
    switch step.operation {
    case .averagePool(let window, let counts):
      grid = (
        PoolingGrid.Axis(
          length: x.height, size: window.size.height, stride: window.stride.height,
          padding: window.padding.height,
          countsPadding: counts, "averagePool"),
        PoolingGrid.Axis(
          length: x.width, size: window.size.width, stride: window.stride.width,
          padding: window.padding.width,
          countsPadding: counts, "averagePool")
      )
    case .adaptiveAveragePool(let size):
      grid = (
        PoolingGrid.Axis(length: x.height, windows: size.height, "adaptiveAveragePool"),
        PoolingGrid.Axis(length: x.width, windows: size.width, "adaptiveAveragePool")
      )
    default: preconditionFailure("QuantizationBuilder: \(step.operation) has no windows")
    }
    func ranges(_ axis: PoolingGrid.Axis) -> [Range<Int>] {
      (0..<axis.count).map {
        let bounds = axis.bounds($0); return bounds.start..<bounds.end
      }
    }
    return (ranges(grid.rows), ranges(grid.columns))
  }

  /// The format of each slot from its range over the calibration samples, by the rule.
  static func formats(
    of slots: [Int], in graph: ComputationGraph, calibration: Tensor, rule: QuantizationRule
  ) throws -> [Int: ByteFormat] {
    let compiled = CompiledGraph(graph, outputs: slots.map { ComputationGraph.Value(index: $0) })
    func forEachBatch(_ body: ([Tensor]) -> Void) {
      for first in stride(from: 0, to: calibration.shape[0], by: 16) {
        body(compiled.run(calibration[rows: first..<min(calibration.shape[0], first + 16)]))
      }
    }
    var bounds = slots.map { _ in (lowest: 0.0, highest: 0.0) }
    var isFinite = true
    forEachBatch { values in
      for (place, value) in values.enumerated() {
        let (low, high) = (Double(value.min()), Double(value.max()))
        isFinite = isFinite && low.isFinite && high.isFinite
        bounds[place] = (min(bounds[place].lowest, low), max(bounds[place].highest, high))
      }
    }
    if !isFinite {
      throw InputError(.outOfRange, "calibration", expected: "finite activations", found: "infinite or NaN")
    }
    if rule != .minMax {
      var histograms = bounds.map { ValueHistogram(lowest: $0.lowest, highest: $0.highest) }
      forEachBatch { values in for (place, value) in values.enumerated() { histograms[place].add(value) } }
      bounds = histograms.map { $0.range(rule) }
    }
    let formats = bounds.map { ByteFormat(lowest: $0.lowest, highest: $0.highest) }
    return Dictionary(zip(slots, formats), uniquingKeysWith: { first, _ in first })
  }
}

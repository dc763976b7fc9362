/// A graph made ready to run: operations joined, weights folded and packed, once. It runs forward, and back to the input
/// without ever computing a weight's gradient.
///
/// Samples run a few at a time through all operations, so that what one operation writes is still in the cache when the
/// next one reads it. All buffers are recycled.
public final class CompiledGraph: Sendable {
  private let sample: Shape
  private let outputs: [Int]
  private let forwardSteps: [PreparedStep]
  private let gradientSteps: [PreparedStep]
  private let slots: Int
  /// How many samples run at a time at most.
  private let chunk: Int

  /// - Parameters:
  ///   - outputs: the results that `run` returns; the first is the one that gradients start from.
  public init(_ graph: ComputationGraph, outputs: [ComputationGraph.Value]) {
    precondition(!outputs.isEmpty, "CompiledGraph: no outputs")
    precondition(
      outputs.allSatisfy { $0.index < graph.nodes.count },
      "CompiledGraph: an output that was added to another copy of the graph")
    sample = graph.nodes[0].shape
    self.outputs = outputs.map(\.index)
    slots = graph.nodes.count
    let kept = Set(self.outputs)
    let weights = PreparedWeights()
    func prepare(endings: Bool, gradients: Bool) -> [PreparedStep] {
      let steps = GraphFusion.steps(of: graph, kept: kept, endings: endings)
      var last: [Int: Int] = [:]
      for (place, step) in steps.enumerated() {
        for input in step.inputs + (step.addend.map { [$0] } ?? []) { last[input] = place }
      }
      return steps.enumerated().map { place, step in
        let dead = last.filter { $0.value == place && !kept.contains($0.key) }.map(\.key)
        return PreparedStep(step, graph, weights: weights, dead: dead, gradients: gradients)
      }
    }
    forwardSteps = prepare(endings: true, gradients: false)
    gradientSteps = prepare(endings: false, gradients: true)
    let isWhole = graph.nodes.contains { if case .custom = $0.operation { true } else { false } }
    let largest = graph.nodes.map(\.shape.count).max() ?? 1
    // About as many samples as leave the largest result in the second-level cache.
    chunk = isWhole ? .max : Swift.max(4, Swift.min(16, (1 << 18) / Swift.max(1, largest)))
  }

  /// The outputs for a batch: `[n, …]` each.
  public func run(_ x: Tensor) -> [Tensor] {
    check(x)
    let shapes = outputs.map { output in forwardShape(output, count: x.shape[0]) }
    let results = shapes.map { Tensor(uninitialized: $0) }
    let targets = results.map { SendablePointer($0.freshPointer) }
    forEachChunk(of: x) { rows, part in
      var values = [Tensor?](repeating: nil, count: slots)
      values[0] = part
      for step in forwardSteps { step.run(&values) }
      for (place, output) in outputs.enumerated() {
        Self.copy(values[output]!, to: targets[place], row: rows.lowerBound)
      }
    }
    return results
  }

  /// The seconds that operations take for a batch, each with what joined it, by their places in the graph's
  /// `descriptions`. Parts of a batch that run at once are added up: the numbers compare ways to compute an operation, and
  /// do not add to the batch's own time.
  public func operationSeconds(_ x: Tensor) -> [Int: Double] {
    check(x)
    let count = forwardSteps.count
    var seconds = [Double](repeating: 0, count: max(1, x.shape[0] * count))
    seconds.withUnsafeMutableBufferPointer { buffer in
      let seconds = SendablePointer(buffer.baseAddress!)
      let clock = ContinuousClock()
      forEachChunk(of: x) { rows, part in
        var values = [Tensor?](repeating: nil, count: slots)
        values[0] = part
        for (number, step) in forwardSteps.enumerated() {
          let elapsed = clock.measure { step.run(&values) }
          seconds.pointer[rows.lowerBound * count + number] = elapsed / .seconds(1)
        }
      }
    }
    return Dictionary(
      uniqueKeysWithValues: forwardSteps.enumerated().map { number, step in
        (step.place, (0..<x.shape[0]).reduce(0) { $0 + seconds[$1 * count + number] })
      })
  }

  /// The first output, and the gradient with respect to the input of a function of it: `[n, …]` both.
  ///
  /// - Parameter upstream: the gradient of the function with respect to the output, for the output of some rows; called
  ///   on any thread, several times at once.
  public func outputAndInputGradient(
    at x: Tensor, upstream: (_ output: Tensor, _ rows: Range<Int>) -> Tensor
  ) -> (output: Tensor, gradient: Tensor) {
    check(x)
    let output = Tensor(uninitialized: forwardShape(outputs[0], count: x.shape[0]))
    let gradient = Tensor(uninitialized: x.shape)
    let targets = (SendablePointer(output.freshPointer), SendablePointer(gradient.freshPointer))
    withoutActuallyEscaping(upstream) { upstream in
      forEachChunk(of: x) { rows, part in
        var values = [Tensor?](repeating: nil, count: slots)
        var places = [MaxPoolingPlaces?](repeating: nil, count: slots)
        values[0] = part
        for step in gradientSteps { step.run(&values, places: &places) }
        let result = values[outputs[0]]!
        Self.copy(result, to: targets.0, row: rows.lowerBound)
        var slopes = [Tensor?](repeating: nil, count: slots)
        let slope = upstream(result, rows)
        precondition(
          slope.shape == result.shape, "CompiledGraph: upstream \(slope.shape) for an output \(result.shape)")
        slopes[outputs[0]] = slope
        for step in gradientSteps.reversed() { step.runBack(values, places, &slopes) }
        Self.copy(slopes[0] ?? .zeros(shape: part.shape), to: targets.1, row: rows.lowerBound)
      }
    }
    return (output, gradient)
  }

  private func check(_ x: Tensor) {
    precondition(
      x.rank == sample.rank + 1 && x.shape.removing(axis: 0) == sample,
      "CompiledGraph: expected [n] + \(sample), got \(x.shape)")
  }

  private func forwardShape(_ slot: Int, count: Int) -> Shape {
    let step = forwardSteps.first { $0.output == slot }
    return (step?.shape ?? sample).inserting(axis: 0).replacing(axis: 0, with: count)
  }

  private static func copy(_ part: Tensor, to target: SendablePointer<Float>, row: Int) {
    let unit = part.shape.removing(axis: 0).count
    part.withUnsafeBufferPointer {
      if let from = $0.baseAddress { (target.pointer + row * unit).update(from: from, count: $0.count) }
    }
  }

  /// Fewer chunks than threads: the operations themselves share out their work.
  private func forEachChunk(of x: Tensor, _ body: (Range<Int>, Tensor) -> Void) {
    let count = x.shape[0]
    if count == 0 { return }
    // The results of a sample are the same in any company, so the number of threads may count here.
    let chunks = Swift.max(
      (count - 1) / chunk + 1, chunk == .max ? 1 : Swift.min(ThreadPool.threadCount, count / 4))
    func run(_ index: Int) {
      let rows = (index * count / chunks)..<((index + 1) * count / chunks)
      body(rows, chunks == 1 ? x : x[rows: rows])
    }
    if chunks < ThreadPool.threadCount {
      for index in 0..<chunks { run(index) }
    } else {
      ThreadPool.run(tasks: chunks, run)
    }
  }
}

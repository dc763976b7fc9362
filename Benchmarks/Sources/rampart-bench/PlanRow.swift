import NNLayers
import TensorCore

/// A model whose layers compute sparsely or with bytes, timed in turn with the same model's dense plan in floats.
struct PlanRow: Sendable {
  enum Form: Sendable {
    /// Every weight tensor pruned to this percentage of zeros, and every layer computed sparsely.
    case sparse(percent: Int)
    case int8
  }

  let network: String
  let form: Form
  let batch: Int

  static let all: [PlanRow] = ["simplecnn", "resnet"].flatMap { network in
    [1, 16].flatMap { batch in
      [80, 90, 95].map { PlanRow(network: network, form: .sparse(percent: $0), batch: batch) }
        + [PlanRow(network: network, form: .int8, batch: batch)]
    }
  }

  /// For example `plan.resnet.sparse90.b16`.
  var name: String {
    switch form {
    case .sparse(let percent): "plan.\(network).sparse\(percent).b\(batch)"
    case .int8: "plan.\(network).int8.b\(batch)"
    }
  }

  /// Times dense and other calls in alternation and gives one line of JSON with medians and 95th percentiles.
  func measured(threads: Int, runs: Int = 100) -> String {
    network == "resnet"
      ? measured(resNetSmall(), threads: threads, runs: runs)
      : measured(simpleCNN(), threads: threads, runs: runs)
  }

  private func measured(_ model: some Layer, threads: Int, runs: Int) -> String {
    var model = model
    if case .sparse(let percent) = form { prune(&model, share: Float(percent) / 100) }
    let dense = prepared(model, for: pictureShape)
    let x = randomImages(batch, pictureShape)
    let step = other(model)
    var times = (dense: [Double](), other: [Double]())
    for run in 0..<(runs + 10) {
      let pair = (
        Latency(runs: 1, warmUps: 0) { _ = dense.logits(x) }, Latency(runs: 1, warmUps: 0) { step(x) }
      )
      if run < 10 { continue }
      times.dense.append(pair.0.median * 1e3)
      times.other.append(pair.1.median * 1e3)
    }
    let (floats, found) = (Latency(seconds: times.dense), Latency(seconds: times.other))
    return """
      {"name": "\(name)", "threads": \(threads), "plan_ms": \(found.median), "plan_p95_ms": \(found.percentile95), \
      "dense_ms": \(floats.median), "dense_p95_ms": \(floats.percentile95), \
      "speedup": \(floats.median / found.median), "instructions": "\(InstructionSet.current)"}
      """
  }

  private func other(_ model: some Layer) -> (Tensor) -> Void {
    do {
      switch form {
      case .sparse:
        let names = model.parameters.filter { $0.parameter.value.rank >= 2 }.map {
          $0.name.dropLast(".weight".count)
        }
        let executions = Dictionary(uniqueKeysWithValues: names.map { (String($0), WeightExecution.sparse) })
        let plan = try model.prepared(for: pictureShape, executions: executions)
        return { _ = plan.logits($0) }
      case .int8:
        let plan = try model.quantized(for: pictureShape, calibration: randomImages(16, pictureShape))
        return { _ = plan.logits($0) }
      }
    } catch { fail("\(error)") }
  }

  private func prune(_ model: inout some Layer, share: Float) {
    model.visitParameters { name, parameter in
      if parameter.value.rank < 2 { return }
      let draws = Tensor.uniform(shape: parameter.value.shape, key: benchmarkKey.derived(name))
      parameter.value *= draws.scalarsAbove(share)
    }
  }
}

extension Tensor {
  /// 1 where a scalar is at least as large, else 0.
  fileprivate func scalarsAbove(_ least: Float) -> Tensor {
    Tensor(shape: shape, scalars: scalars.map { $0 >= least ? 1 : 0 })
  }
}

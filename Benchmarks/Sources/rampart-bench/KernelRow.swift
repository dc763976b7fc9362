import Foundation
import TensorCore

/// One pass of one convolution layer at one batch size, timed by itself beside the machine's peak.
struct KernelRow: Sendable {
  let layer: ConvolutionLayer
  let pass: ConvolutionPass
  let batch: Int

  static let all: [KernelRow] = ConvolutionLayer.all.flatMap { layer in
    ConvolutionPass.allCases.map { KernelRow(layer: layer, pass: $0, batch: layer.batch) }
      + (layer.hasSingles ? [KernelRow(layer: layer, pass: .forward, batch: 1)] : [])
  }

  /// For example `kernel.forward.b32.64x32x32-128.k3s2p1`: pass, batch, channels and size of the input, channels of the
  /// output, kernel, stride and padding.
  var name: String {
    "kernel.\(pass.label).b\(batch).\(layer.inputs)x\(layer.map)x\(layer.map)-\(layer.outputs)"
      + ".k\(layer.kernel)s\(layer.stride)p\(layer.padding)"
  }

  /// The path that is chosen for this shape.
  var path: ConvolutionPath {
    .chosen(
      for: pass, input: layer.inputShape(batch: batch), weight: layer.weightShape, settings: layer.settings)
  }

  /// Two for each product of the direct algorithm, whatever the path.
  var operations: Double {
    let output = layer.settings.outputShape(
      input: layer.inputShape(batch: batch), weight: layer.weightShape)
    return 2 * Double(output.count) * Double(layer.inputs * layer.kernel * layer.kernel)
  }

  /// Measures the chosen path and the direct one in alternation with the machine's peak, medians over the rounds, and
  /// gives one line of JSON.
  func measured(threads: Int, rounds: Int = 7) -> String {
    let paths = path == .direct ? [.direct] : [path, .direct]
    let steps = paths.map { step($0) }
    let counts = steps.map { step in
      var count = 1
      while seconds(count, step) < 0.01 { count *= 2 }
      return count
    }
    var peaks: [Double] = []
    var speeds = paths.map { _ in [Double]() }
    for _ in 0..<rounds {
      peaks.append(MachinePeak.floatOperationsPerSecond(seconds: 0.005) * 1e-9)
      for (index, step) in steps.enumerated() {
        speeds[index].append(operations * Double(counts[index]) / seconds(counts[index], step) * 1e-9)
      }
    }
    let direct = path == .direct ? "" : "\"direct_gflops\": \(rounded(median(speeds[1]))), "
    return """
      {"name": "\(name)", "threads": \(threads), "path": "\(path.rawValue)", "gflops": \(rounded(median(speeds[0]))), \
      \(direct)"peak_gflops": \(rounded(median(peaks))), "instructions": "\(InstructionSet.current)", \
      "layer": {"pass": "\(pass.label)", "batch": \(batch), "inputs": \(layer.inputs), "outputs": \(layer.outputs), \
      "map": \(layer.map), "kernel": \(layer.kernel), "stride": \(layer.stride), "padding": \(layer.padding)}}
      """
  }

  private func step(_ path: ConvolutionPath) -> () -> Void {
    let key = RandomKey(seed: 1)
    let settings = layer.settings
    let x = Tensor.normal(shape: layer.inputShape(batch: batch), key: key.derived("x"))
    let weight = Tensor.normal(shape: layer.weightShape, key: key.derived("weight"))
    let dy = Tensor.normal(
      shape: settings.outputShape(input: x.shape, weight: weight.shape), key: key.derived("dy"))
    switch pass {
    case .forward: return { _ = x.convolved(weight: weight, settings: settings, path: path) }
    case .inputGradient:
      return {
        _ = Tensor.convolutionInputGradient(
          dy, weight: weight, inputShape: x.shape, settings: settings, path: path)
      }
    case .weightGradient:
      return {
        _ = Tensor.convolutionWeightGradient(
          dy, input: x, weightShape: weight.shape, settings: settings, path: path)
      }
    }
  }
}

private func seconds(_ count: Int, _ step: () -> Void) -> Double {
  let elapsed = ContinuousClock().measure { for _ in 0..<count { step() } }
  return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

import Testing

@testable import TensorCore

/// Execution by bytes against plain integer loops, by hand, and against the network in floats.
@Suite struct QuantizedGraphTests {
  private typealias Value = ComputationGraph.Value

  /// A product's result by plain loops over bytes and quantised weights, exact until the end, in the documented order.
  private static func plain(
    _ x: [UInt8], _ from: QuantizedProduct.Operand, _ weight: Tensor, _ bias: Tensor,
    _ settings: ConvolutionSettings,
    _ to: QuantizedProduct.Operand, addend: (bytes: [UInt8], format: ByteFormat)?, thenReLU: Bool
  ) -> [UInt8] {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let (kernelHeight, kernelWidth) = (weight.shape[2], weight.shape[3])
    var y = [UInt8](repeating: UInt8(to.format.zero), count: to.layout.count)
    let w = weight.scalars
    for o in 0..<outputs {
      let count = inputs * kernelHeight * kernelWidth
      let row = Array(w[(o * count)..<((o + 1) * count)])
      let step = row.map { abs($0) }.max()! / 127
      let q = row.map { Int(($0 / step).rounded(.toNearestOrEven)) }
      let factor = Double(from.format.scale) * Double(step)
      let unit = Double(to.format.scale)
      let scale = Float(factor / unit)
      let offset = Float(
        (Double(bias.scalars[o]) - factor * Double(from.format.zero * q.reduce(0, +))) / unit)
      for i in 0..<to.layout.height {
        for j in 0..<to.layout.width {
          var sum = 0
          for c in 0..<inputs {
            for k in 0..<kernelHeight {
              for l in 0..<kernelWidth {
                let place = from.layout.place(
                  i * settings.stride.height + k * settings.dilation.height - settings.padding.height,
                  j * settings.stride.width + l * settings.dilation.width - settings.padding.width)
                sum += Int(x[place + c]) * q[(c * kernelHeight + k) * kernelWidth + l]
              }
            }
          }
          var value = Float(sum) * scale
          value = value + offset
          let target = to.layout.place(i, j) + o
          if let addend {
            let part =
              Float(Int(addend.bytes[target]) - addend.format.zero) * (addend.format.scale / to.format.scale)
            value = value + part
          }
          let zero = to.format.zero
          let clamped = min(max(value, thenReLU ? 0 : Float(-zero)), Float(255 - zero))
          y[target] = UInt8(Int(clamped.rounded(.toNearestOrEven)) + zero)
        }
      }
    }
    return y
  }

  private static func bytes(_ count: Int, _ label: String) -> [UInt8] {
    RandomKey(seed: 12).derived(label).words(count: count).map { UInt8($0 & 255) }
  }

  // Every byte, with VNNI and without: tails of pixels and of output channels, borders, strides, residuals, zero points.
  @Test(arguments: [
    (5, 7, 9, 6, 3, 1, 1), (64, 64, 6, 5, 3, 1, 1), (16, 100, 5, 5, 3, 2, 1), (3, 33, 4, 9, 1, 2, 0),
    (20, 16, 7, 7, 2, 1, 0), (130, 48, 3, 3, 3, 1, 1), (4, 128, 13, 1, 1, 1, 0),
  ]) func bytesOfAProduct(
    inputs: Int, outputs: Int, height: Int, width: Int, kernel: Int, stride: Int, padding: Int
  ) {
    let settings = ConvolutionSettings(stride: Extent(stride), padding: Extent(padding))
    let weight = PlainReference.uniform([outputs, inputs, kernel, kernel], "weight \(inputs)")
    let bias = PlainReference.uniform([outputs], "bias \(outputs)")
    let shape = settings.outputShape(input: [1, inputs, height, width], weight: weight.shape)
    let samples = 3
    var (xLayout, yLayout) = (
      ByteLayout([inputs, height, width], multiple: 4), ByteLayout(shape.removing(axis: 0), multiple: 16)
    )
    xLayout.border = Extent(padding + 1)
    yLayout.border = Extent(height: 1, width: 2)
    let x = Self.bytes(xLayout.count * samples, "x")
    let more = Self.bytes(yLayout.count * samples, "more")
    let residual = FixedArray(more)
    for (zero, thenReLU, hasAddend) in [(0, true, false), (128, false, true), (77, true, true)] {
      let from = QuantizedProduct.Operand(
        layout: xLayout, format: ByteFormat(lowest: Double(-zero), highest: Double(255 - zero)))
      let reach = 40.0 * Double(inputs * kernel * kernel).squareRoot()
      let to = QuantizedProduct.Operand(
        layout: yLayout, format: ByteFormat(lowest: thenReLU ? 0 : -reach, highest: reach))
      let addend = ByteFormat(lowest: -reach / 3, highest: reach)
      let product = QuantizedProduct(
        weight: QuantizedWeights(quantizing: weight), bias: bias, settings: settings, thenReLU: thenReLU,
        x: from, result: to,
        addend: hasAddend ? addend : nil, output: Extent(height: shape[2], width: shape[3]), samples: samples)
      for portable in [false, true] {
        var y = [UInt8](repeating: UInt8(to.format.zero), count: yLayout.count * samples)
        y.withUnsafeMutableBufferPointer { y in
          product.run(
            x, samples: samples, addend: hasAddend ? residual.base : nil, bytes: y.baseAddress!,
            floats: nil,
            portable: portable)
        }
        for sample in 0..<samples {
          func part(_ bytes: [UInt8], _ unit: Int) -> [UInt8] {
            Array(bytes[(sample * unit)..<((sample + 1) * unit)])
          }
          let expected = Self.plain(
            part(x, xLayout.count), from, weight, bias, settings, to,
            addend: hasAddend ? (part(more, yLayout.count), addend) : nil, thenReLU: thenReLU)
          // filled-up channels hold the zero point, or what is added to it
          let found = part(y, yLayout.count)
          let places = (0..<shape[2]).flatMap { row in (0..<shape[3]).map { yLayout.place(row, $0) } }
          #expect(
            places.allSatisfy { place in
              (0..<outputs).allSatisfy { found[place + $0] == expected[place + $0] }
            })
          #expect(Set(expected).count > 20 || outputs * shape[2] * shape[3] < 200)
        }
      }
    }
  }

  // The largest products there are, in a row long enough to pass 2^24 and 16 bits: nothing saturates on the way.
  @Test func sumsDoNotSaturate() {
    let inputs = 4096
    let weight = Tensor(shape: [1, inputs, 1, 1], scalars: (0..<inputs).map { $0 % 64 == 0 ? -1 : 1 })
    let from = QuantizedProduct.Operand(
      layout: ByteLayout([inputs, 1, 1], multiple: 4), format: ByteFormat(lowest: 0, highest: 255))
    let product = QuantizedProduct(
      weight: QuantizedWeights(quantizing: weight), bias: nil, settings: ConvolutionSettings(),
      thenReLU: false, x: from, result: nil,
      addend: nil,
      output: 1, samples: 1)
    for portable in [false, true] {
      var y = [Float](repeating: 0, count: 16)
      y.withUnsafeMutableBufferPointer {
        product.run(
          [UInt8](repeating: 255, count: inputs), samples: 1, addend: nil, bytes: nil,
          floats: $0.baseAddress!,
          portable: portable)
      }
      // (4096 − 2 · 64) · 255 · 127 = 128,503,680 steps of 1/127: 1,011,840
      #expect(abs(y[0] - 1_011_840) <= 0.25)
    }
  }

  // Ranges by hand: 1,000 values in −1…3, of which one is far away.
  @Test func ranges() {
    var histogram = ValueHistogram(lowest: -1, highest: 3)
    histogram.add(Tensor((0..<999).map { Float($0) / 999 } + [3]))
    #expect(histogram.range(.minMax) == (-1, 3))
    let tail = histogram.range(.percentile(tail: 0.001))
    #expect(abs(tail.lowest) < 0.01 && abs(tail.highest - 1) < 0.01)
    let least = histogram.range(.leastSquaredError)
    #expect(least.highest <= 3 && least.highest >= 1)
    #expect(ValueHistogram(lowest: 0, highest: 0).range(.leastSquaredError) == (0, 0))
  }

  // −1…3 in 255 steps: 0 is a byte, ends are reached to half a step, all else is cut off.
  @Test func formats() {
    let format = ByteFormat(lowest: -1, highest: 3)
    #expect(format.zero == 64 && format.value(64) == 0)
    #expect(abs(format.scale - 4 / 255) < 1e-8)
    #expect(format.byte(0) == 64 && format.byte(-7) == 0 && format.byte(9) == 255)
    for value in stride(from: -1.0, through: 2.99, by: 0.01) {
      #expect(abs(format.value(format.byte(value)) - value) <= Double(format.scale) * 0.51)
    }
    #expect(ByteFormat(lowest: 0, highest: 0).byte(0) == 0)
  }

  /// A residual network with all that bytes have, and its input.
  private static func network(_ g: inout ComputationGraph) -> Value {
    func conv(_ x: Value, _ outputs: Int, _ label: String, stride: Int = 1, kernel: Int = 3) -> Value {
      let shape: Shape = [outputs, g.shape(of: x)[0], kernel, kernel]
      let spread = (3 / Float(shape.count / outputs)).squareRoot()
      return g.convolution(
        x, weight: PlainReference.uniform(shape, label) * spread,
        bias: PlainReference.uniform([outputs], label) * 0.1,
        settings: ConvolutionSettings(stride: Extent(stride), padding: Extent(kernel / 2)))
    }
    let x = g.affine(g.input, scale: Tensor([2, 3, 4]), shift: Tensor([-1, -1.5, -2]))
    let a = g.relu(conv(x, 20, "a"))
    let b = g.relu(g.sum(conv(g.relu(conv(a, 20, "b")), 20, "c"), a))
    let pooled = g.maxPool(b, PoolingWindow(2))
    let scaled = g.affine(
      pooled, scale: Tensor(repeating: 0.7, shape: [20]), shift: PlainReference.uniform([20], "s"))
    let short = conv(scaled, 33, "short", stride: 2, kernel: 1)
    let c = g.relu(g.sum(conv(scaled, 33, "d", stride: 2), short))
    let means = g.flatten(g.adaptiveAveragePool(c, to: Extent(height: 1, width: 2)))
    let hidden = g.relu(
      g.linear(
        means, weight: PlainReference.uniform([40, 66], "l") * 0.2, bias: PlainReference.uniform([40], "lb")))
    return g.linear(hidden, weight: PlainReference.uniform([7, 40], "m") * 0.3, bias: nil)
  }

  private static let images = Tensor.uniform(shape: [24, 3, 12, 12], key: RandomKey(seed: 4))

  // The whole way: layouts, borders, flattening, tables, pools. A wrong one would change outputs by more than rounding.
  @Test(arguments: [QuantizationRule.minMax, .percentile(tail: 0.0005), .leastSquaredError])
  func closeToFloats(
    rule: QuantizationRule
  ) throws {
    var graph = ComputationGraph(input: [3, 12, 12])
    let y = Self.network(&graph)
    let floats = CompiledGraph(graph, outputs: [y]).run(Self.images)[0]
    let quantized = try QuantizedGraph(graph, output: y, calibration: Self.images, rule: rule)
    let bytes = quantized.run(Self.images)
    let error = ((bytes - floats).sumOfSquares() / floats.sumOfSquares()).squareRoot()
    #expect(error < 0.05, "\(rule): \(error)")
    #expect(error > 0.0005, "these are no bytes")
    // the same bits with and without VNNI, and in any company
    let network = try StoredNetwork(graph, output: y, calibration: Self.images, rule: rule)
    let portable = try QuantizedGraph(network, portable: true)
    #expect(portable.run(Self.images) == bytes)
    for rows in [0..<1, 3..<5, 2..<19] {
      #expect(quantized.run(Self.images[rows: rows]) == bytes[rows: rows])
    }
    #expect(quantized.run(Self.images[rows: 0..<0]).shape == [0, 7])
  }

  @Test func sameBytesForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      var graph = ComputationGraph(input: [3, 12, 12])
      let y = QuantizedGraphTests.network(&graph)
      let quantized = try QuantizedGraph(graph, output: y, calibration: QuantizedGraphTests.images)
      for count in [1, 5, 24] {
        let results = [1, 2, 3, 8].map { threads in
          ThreadPool.threadCount = threads
          return quantized.run(QuantizedGraphTests.images[rows: 0..<count])
        }
        #expect(results.allSatisfy { $0 == results[0] })
      }
    }
  }

  // What bytes cannot do is said, not guessed.
  @Test func unsupported() {
    func failure(_ build: (inout ComputationGraph) -> Value, _ calibration: Tensor) -> InputError.Kind? {
      var graph = ComputationGraph(input: [2, 4, 4])
      let y = build(&graph)
      do {
        _ = try QuantizedGraph(graph, output: y, calibration: calibration)
        return nil
      } catch { return (error as? InputError)?.kind }
    }
    let x = Tensor.ones(shape: [2, 2, 4, 4])
    let head: (inout ComputationGraph, Value) -> Value = { g, x in
      g.linear(g.flatten(x), weight: .ones(shape: [3, 32]), bias: nil)
    }
    #expect(failure({ g in head(&g, g.input) }, x) == nil)
    #expect(failure({ g in head(&g, g.input) }, x * .nan) == .outOfRange)
    #expect(failure({ g in g.relu(g.input) }, x) == .unsupported)
    #expect(failure({ g in head(&g, g.sum(g.input, g.input)) }, x) == .unsupported)
    #expect(
      failure(
        { g in
          let y = g.convolution(
            g.input, weight: .ones(shape: [2, 1, 1, 1]), bias: nil, settings: ConvolutionSettings(groups: 2))
          return head(&g, y)
        }, x) == .unsupported)
    // bytes lie as before under another shape: a map of its channels or rows would take the wrong ones
    let reshaped: [(inout ComputationGraph, Value) -> Value] = [
      { g, x in g.affine(x, scale: .ones(shape: [32]), shift: .ones(shape: [32])) },
      { g, x in g.relu(x) },
      { g, x in g.maxPool(g.reshape(x, to: [8, 2, 2]), PoolingWindow(2)) },
      { g, x in
        g.convolution(
          g.reshape(x, to: [1, 4, 8]), weight: .ones(shape: [2, 1, 1, 1]), bias: nil,
          settings: ConvolutionSettings())
      },
    ]
    for operation in reshaped {
      #expect(
        failure(
          { g in
            let y = g.flatten(operation(&g, g.flatten(g.maxPool(g.input, PoolingWindow(1)))))
            return g.linear(y, weight: .ones(shape: [3, g.shape(of: y).count]), bias: nil)
          }, x) == .unsupported)
    }
  }
}

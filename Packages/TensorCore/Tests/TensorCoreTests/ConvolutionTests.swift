import Foundation
import TensorCore
import Testing

@Suite struct ConvolutionTests {
  private static func settings(
    stride: Extent = 1, padding: Extent = 0, dilation: Extent = 1, groups: Int = 1
  ) -> ConvolutionSettings {
    ConvolutionSettings(stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  /// One case for each way the code can go: read in place, packed, few and many images, scattering,
  /// bands of rows, phases, groups, long rows.
  static let cases = [
    ConvolutionCase([2, 3, 9, 26], [13, 3, 3, 3]),
    ConvolutionCase([11, 4, 7, 9], [5, 4, 3, 3], settings(padding: 1)),
    ConvolutionCase([3, 16, 10, 13], [20, 16, 3, 3], settings(padding: 1)),
    ConvolutionCase([21, 1, 14, 14], [10, 1, 5, 5]),
    ConvolutionCase([9, 5, 12, 12], [7, 5, 5, 5]),
    ConvolutionCase([2, 1, 9, 30], [6, 1, 5, 5], settings(padding: 2)),
    ConvolutionCase([9, 1, 6, 70], [3, 1, 3, 3], settings(padding: 1)),
    ConvolutionCase([3, 4, 9, 20], [6, 2, 3, 3], settings(dilation: 2, groups: 2)),
    ConvolutionCase([9, 5, 11, 15], [7, 5, 3, 3], settings(stride: 2, padding: 1)),
    ConvolutionCase(
      [2, 6, 13, 10], [9, 6, 5, 3], settings(stride: Extent(height: 3, width: 2), padding: 2)),
    ConvolutionCase([10, 6, 8, 12], [8, 3, 3, 3], settings(padding: 1, dilation: 2, groups: 2)),
    ConvolutionCase([3, 8, 6, 17], [8, 1, 3, 3], settings(padding: 1, groups: 8)),
    ConvolutionCase([9, 7, 5, 5], [19, 7, 1, 1]),
    ConvolutionCase([2, 3, 2, 3], [4, 3, 1, 1], settings(padding: 1)),
    ConvolutionCase([9, 12, 9, 9], [14, 12, 1, 1], settings(stride: 2), hasBias: false),
    ConvolutionCase([3, 33, 7, 6], [40, 33, 3, 3], settings(padding: 1)),
    ConvolutionCase([19, 1, 33, 34], [2, 1, 3, 3], settings(padding: 1)),
  ]

  // MARK: Shapes

  // The side is (side + 2·padding − dilation·(kernel − 1) − 1) / stride + 1, rounded down; by hand.
  @Test func outputShapes() {
    func side(_ image: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1) -> Int {
      let (one, other) = (
        ConvolutionSettings(
          stride: Extent(height: stride, width: 1), padding: Extent(height: padding, width: 0),
          dilation: Extent(height: dilation, width: 1)
        ).outputShape(input: [2, 3, image, 4], weight: [5, 3, kernel, 4]),
        ConvolutionSettings(
          stride: Extent(height: 1, width: stride), padding: Extent(height: 0, width: padding),
          dilation: Extent(height: 1, width: dilation)
        ).outputShape(input: [2, 3, 4, image], weight: [5, 3, 4, kernel])
      )
      #expect(one == [2, 5, other[3], 1] && other[2] == 1)
      return other[3]
    }
    #expect(side(28, 5) == 24)
    #expect(side(32, 3, padding: 1) == 32)
    #expect(side(32, 3, stride: 2, padding: 1) == 16)
    #expect(side(33, 3, stride: 2, padding: 1) == 17)
    #expect(side(8, 1, stride: 2) == 4)
    #expect(side(7, 2, stride: 3) == 2)
    #expect(side(10, 3, stride: 3) == 3)
    #expect(side(1, 5, padding: 2) == 1)
    #expect(side(9, 3, dilation: 4) == 1)
    #expect(side(11, 3, stride: 2, padding: 2, dilation: 2) == 6)
    #expect(
      ConvolutionSettings(groups: 2).outputShape(input: [0, 4, 3, 3], weight: [6, 2, 3, 3]) == [0, 6, 1, 1])
  }

  // MARK: Values

  // Two channels, one 2×2 kernel: a correlation, so nothing is turned around. By hand:
  // 1·1 + 2·2 + 4·3 + 5·4 = 37, and so on; the second channel's kernel picks its lower left pixel, times 10.
  @Test(arguments: [nil, ConvolutionPath.direct, .unfolded]) func byHand(path: ConvolutionPath?) {
    let x = Tensor(
      shape: [1, 2, 3, 3], scalars: [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0, 2, 0, 3, 0, 4, 0, 5])
    let weight = Tensor(shape: [1, 2, 2, 2], scalars: [1, 2, 3, 4, 0, 0, 10, 0])
    #expect(
      x.convolved(weight: weight, bias: Tensor([0.5]), path: path)
        == Tensor(shape: [1, 1, 2, 2], scalars: [37.5, 77.5, 107.5, 77.5]))
    let dy = Tensor(shape: [1, 1, 2, 2], scalars: [1, 0, 0, -2])
    #expect(
      Tensor.convolutionInputGradient(dy, weight: weight, inputShape: x.shape, path: path)
        == Tensor(
          shape: [1, 2, 3, 3], scalars: [1, 2, 0, 3, 2, -4, 0, -6, -8, 0, 0, 0, 10, 0, 0, 0, -20, 0]))
    #expect(
      Tensor.convolutionWeightGradient(dy, input: x, weightShape: weight.shape, path: path)
        == Tensor(shape: [1, 2, 2, 2], scalars: [-9, -10, -12, -13, -5, 0, 0, -7]))
    #expect(Tensor.convolutionBiasGradient(dy) == Tensor([-1]))
  }

  private static func check(_ c: ConvolutionCase, at location: SourceLocation = #_sourceLocation) {
    let plain = PlainConvolution(c)
    for path in c.paths {
      for pass in ConvolutionPass.allCases {
        let mismatch = c.result(pass, path)
          .mismatch(with: plain.result(pass), relativeToLargest: c.tolerance(pass, path))
        #expect(
          mismatch == nil, "\(c.name): \(pass) by \(path.map(\.rawValue) ?? "choice")",
          sourceLocation: location)
      }
    }
    let mismatch = c.biasGradient().mismatch(with: plain.biasGradient, relativeToLargest: 1e-6)
    #expect(mismatch == nil, "\(c.name): bias", sourceLocation: location)
  }

  @Test(arguments: cases.indices) func agreesWithPlainLoops(index: Int) { Self.check(Self.cases[index]) }

  // Small sizes of everything at once: what no case above thought of.
  @Test(arguments: 0..<16) func randomSettings(seed: Int) {
    var source = RandomSource(key: RandomKey(seed: 99).derived(seed))
    func draw(_ choices: [Int]) -> Int { choices[source.index(below: choices.count)] }
    func both(_ choices: [Int]) -> Extent { Extent(height: draw(choices), width: draw(choices)) }
    var done = 0
    while done < 20 {
      let groups = draw([1, 1, 1, 2, 3])
      let settings = Self.settings(
        stride: both([1, 1, 1, 2, 3]), padding: both([0, 1, 2, 3]), dilation: both([1, 1, 2, 3]),
        groups: groups)
      let channels = [1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 18, 25]
      let (inputs, outputs) = (draw(channels), draw(channels))
      let (kernel, image) = (both([1, 2, 3, 4, 5]), both(Array(1...12) + [16, 17, 21, 32, 33, 40]))
      let input: Shape = [draw([1, 2, 3, 8, 10]), inputs * groups, image.height, image.width]
      let weight: Shape = [outputs * groups, inputs, kernel.height, kernel.width]
      let fits =
        image.height + 2 * settings.padding.height > settings.dilation.height * (kernel.height - 1)
        && image.width + 2 * settings.padding.width > settings.dilation.width * (kernel.width - 1)
      if !fits { continue }
      let products = settings.outputShape(input: input, weight: weight).count * weight.count / weight[0]
      if products > 100_000 { continue }
      done += 1
      Self.check(ConvolutionCase(input, weight, settings, hasBias: draw([0, 1]) == 1))
    }
  }

  // MARK: Empty

  @Test(arguments: [nil, ConvolutionPath.direct, .unfolded]) func emptyAxes(path: ConvolutionPath?) {
    // no images: nothing to compute, and gradients of nothing are zero; few channels, and as many as Winograd takes
    for channels in [4] {
      let none = ConvolutionCase(
        [0, channels, 6, 6], [channels, channels, 3, 3], Self.settings(padding: 1))
      #expect(none.output(path).shape == [0, channels, 6, 6])
      #expect(none.inputGradient(path).shape == [0, channels, 6, 6])
      #expect(none.weightGradient(path) == .zeros(shape: [channels, channels, 3, 3]))
      #expect(none.biasGradient() == .zeros(shape: [channels]))
    }
    // no input channels: the bias alone
    let deaf = ConvolutionCase([2, 0, 3, 3], [4, 0, 3, 3])
    #expect(deaf.output(path) == deaf.bias!.reshaped(to: [1, 4, 1, 1]) + .zeros(shape: [2, 4, 1, 1]))
    #expect(deaf.inputGradient(path).shape == [2, 0, 3, 3])
    #expect(deaf.weightGradient(path).shape == [4, 0, 3, 3])
    // no outputs: the input has no influence
    let mute = ConvolutionCase([2, 3, 4, 4], [0, 3, 3, 3])
    #expect(mute.output(path).shape == [2, 0, 2, 2])
    #expect(mute.inputGradient(path) == .zeros(shape: [2, 3, 4, 4]))
    #expect(mute.weightGradient(path).shape == [0, 3, 3, 3])
    #expect(mute.biasGradient().shape == [0])
  }

  // MARK: ReLU and gate

  @Test(arguments: cases.indices) func fusedReLUEqualsReLUAfter(index: Int) {
    let c = Self.cases[index]
    for path in c.paths {
      let fused = c.output(path, thenReLU: true)
      #expect(PlainReference.sameBits(fused, c.output(path).relu()), "\(c.name)")
      #expect(fused.count < 50 || fused.min() == 0 && fused.max() > 0)
    }
  }

  // The gate is a mask on dy, at 0 closed, in all three gradients.
  @Test(arguments: cases.indices) func gateEqualsMaskedUpstream(index: Int) {
    let c = Self.cases[index]
    let gate = c.output(.direct, thenReLU: true)
    let masked = ConvolutionCase(
      x: c.x, weight: c.weight, bias: c.bias, dy: c.dy * (gate .> Tensor(0)), settings: c.settings)
    #expect(masked.dy != c.dy)
    for path in c.paths {
      #expect(c.inputGradient(path, gate: gate) == masked.inputGradient(path), "\(c.name)")
      #expect(c.weightGradient(path, gate: gate) == masked.weightGradient(path), "\(c.name)")
    }
    #expect(c.biasGradient(gate: gate) == masked.biasGradient(), "\(c.name)")
  }

  // MARK: NaN and infinity

  /// Checks that `value` at one place of an operand shows wherever the plain loops say so, and nowhere else. A weight's
  /// gradient may show more of it: there, pixels beside the image and beyond the end of a row count zero times.
  private static func expectSpread(_ c: ConvolutionCase, _ pass: ConvolutionPass, _ value: Float) {
    let actual = c.result(pass, .direct)
    let expected = PlainConvolution(c).result(pass)
    let isHit: (Float) -> Bool = value.isNaN ? { $0.isNaN } : { !$0.isFinite }
    let wrong = zip(actual.scalars, expected.scalars).filter {
      pass == .weightGradient ? isHit($0.1) && !isHit($0.0) : isHit($0.0) != isHit($0.1)
    }
    #expect(wrong.isEmpty, "\(c.name): \(wrong.count) of \(actual.count) in \(pass)")
  }

  static let specialValues = [Float.nan, .infinity, -.infinity]

  // A vector that reaches beyond its row, a tap at the wrong place, or a zero times NaN would show elsewhere.
  @Test(arguments: cases.indices) func specialPixelsShowWhereTheyAreSeen(index: Int) {
    let c = Self.cases[index]
    let (channels, height, width) = (c.x.shape[1], c.x.shape[2], c.x.shape[3])
    let (outputs, rows, columns) = (c.dy.shape[1], c.dy.shape[2], c.dy.shape[3])
    for (number, value) in Self.specialValues.enumerated() {
      // the first pixel of the last row, the last pixel, one in the middle
      let image = c.x.shape[0] - 1
      let places = [(height - 1, 0), (height - 1, width - 1), (height / 2 / 2 * 2, width / 2 / 2 * 2)]
      let upstreamPlaces = [(rows - 1, 0), (rows - 1, columns - 1), (rows / 2, columns / 2)]
      var (x, dy) = (c.x, c.dy)
      x[image, (channels - 1) * number / 2, places[number].0, places[number].1] = value
      dy[image, (outputs - 1) * number / 2, upstreamPlaces[number].0, upstreamPlaces[number].1] = value
      let special = ConvolutionCase(x: x, weight: c.weight, bias: c.bias, dy: c.dy, settings: c.settings)
      Self.expectSpread(special, .forward, value)
      Self.expectSpread(special, .weightGradient, value)
      let upstream = ConvolutionCase(x: c.x, weight: c.weight, bias: c.bias, dy: dy, settings: c.settings)
      Self.expectSpread(upstream, .inputGradient, value)
      Self.expectSpread(upstream, .weightGradient, value)
    }
  }

  // max(0, NaN) is 0 by the instruction that compilers choose first.
  @Test func fusedReLUKeepsNaN() {
    for columns in [1, 5, 16, 33] {
      var x = PlainReference.uniform([1, 2, 3, columns], "x")
      x[0, 1, 1, columns / 2] = .nan
      let c = ConvolutionCase(
        x: x, weight: PlainReference.uniform([7, 2, 1, 1], "weight"), bias: nil,
        dy: .zeros(shape: [1, 7, 3, columns]), settings: ConvolutionSettings())
      let y = c.output(.direct, thenReLU: true)
      for channel in 0..<7 { #expect(y[0, channel, 1, columns / 2].isNaN) }
      #expect(y.scalars.filter(\.isNaN).count == 7)
    }
  }

  // MARK: Promises

  // Work must be cut by its shape alone. In a process of its own: the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let hashes = [1, 2, 3, 4, 8].map { threads in
        ThreadPool.threadCount = threads
        return Self.cases.map { c in
          let gate = c.output(.direct, thenReLU: true)
          return PlainReference.hash(
            [c.biasGradient(), c.biasGradient(gate: gate)]
              + c.paths.flatMap { path in
                ConvolutionPass.allCases.map { c.result($0, path) }
                  + [c.inputGradient(path, gate: gate), c.weightGradient(path, gate: gate)]
              })
        }
      }
      for (i, c) in Self.cases.enumerated() { #expect(Set(hashes.map { $0[i] }).count == 1, "\(c.name)") }
    }
  }

  // Promised for the direct path forward and for its gradient with respect to the input: an image's numbers are those
  // it has alone, so predictions and attacks do not depend on the batch.
  @Test(arguments: cases.indices) func imagesDoNotDependOnTheirBatch(index: Int) {
    let c = Self.cases[index]
    let many = 11 / c.x.shape[0] + 1
    let batch = ConvolutionCase(
      x: .concatenated(Array(repeating: c.x, count: many)), weight: c.weight, bias: c.bias,
      dy: .concatenated(Array(repeating: c.dy, count: many)), settings: c.settings)
    for pass in [ConvolutionPass.forward, .inputGradient] {
      let whole = batch.result(pass, .direct)
      for image in 0..<c.x.shape[0] {
        let rows = image..<(image + 1)
        let alone = ConvolutionCase(
          x: c.x[rows: rows], weight: c.weight, bias: c.bias, dy: c.dy[rows: rows], settings: c.settings
        ).result(pass, .direct)
        for copy in 0..<many {
          let place = copy * c.x.shape[0] + image
          #expect(
            PlainReference.sameBits(alone, whole[rows: place..<(place + 1)]),
            "\(c.name): \(pass), image \(place)")
        }
      }
    }
  }

  // In a process of its own with one thread, where no other test and no overlap of tasks asks for buffers.
  @Test func buffersAreReused() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 1
      for c in Self.cases {
        let gate = c.output(.direct, thenReLU: true)
        for path in c.paths {
          func step() {
            _ = c.output(path, thenReLU: true)
            for pass in ConvolutionPass.allCases { _ = c.result(pass, path) }
            _ = (
              c.inputGradient(path, gate: gate), c.weightGradient(path, gate: gate),
              c.biasGradient(gate: gate)
            )
          }
          for _ in 0..<3 { step() }
          let buffers = Tensor.freshBufferCount
          for _ in 0..<20 { step() }
          #expect(Tensor.freshBufferCount == buffers, "\(c.name) by \(path.map(\.rawValue) ?? "choice")")
        }
      }
    }
  }
}

import TensorCore
import Testing

/// The path `.winograd` against plain loops in `Double`, within the bound that `ConvolutionCase.tolerance` states.
@Suite struct WinogradTests {
  private static func check(_ c: ConvolutionCase) {
    let plain = PlainConvolution(c)
    for pass in ConvolutionPass.allCases {
      let mismatch = c.result(pass, .winograd)
        .mismatch(with: plain.result(pass), relativeToLargest: c.tolerance(pass, .winograd))
      #expect(mismatch == nil, "\(c.name): \(pass)")
    }
  }

  private static func padded(_ padding: Extent) -> ConvolutionSettings {
    ConvolutionSettings(padding: padding)
  }

  // Rounding must not grow faster than the root of the number of products, up to the largest layers in use.
  @Test(arguments: [
    (1, 1, 1), (16, 2, 3), (64, 4, 2), (256, 3, 1), (512, 2, 1), (2, 16, 3), (4, 64, 2), (3, 256, 1),
    (2, 512, 1),
    (2, 2, 40), (17, 33, 2), (33, 17, 1), (31, 65, 1), (40, 48, 9),
  ]) func errorGrowsWithTheRoot(inputs: Int, outputs: Int, images: Int) {
    Self.check(ConvolutionCase([images, inputs, 8, 8], [outputs, inputs, 3, 3], Self.padded(1)))
  }

  // Every place at which a map may cut the last row and column of tiles, with every padding.
  @Test(arguments: 0..<9) func mapsOfAllSizes(number: Int) {
    let padding = Extent(height: number / 3, width: number % 3)
    for (height, width) in [
      (1, 1), (1, 9), (2, 3), (3, 2), (3, 3), (4, 4), (5, 4), (6, 5), (7, 6), (8, 7), (9, 8), (10, 13),
      (11, 33), (18, 3),
    ] where height + 2 * padding.height >= 3 && width + 2 * padding.width >= 3 {
      Self.check(ConvolutionCase([2, 3, height, width], [5, 3, 3, 3], Self.padded(padding)))
    }
  }

  // Channels on both sides of every vector and panel; batches whose rows of tiles are cut into tasks in mid-image.
  @Test(arguments: 0..<10) func randomSizes(seed: Int) {
    var source = RandomSource(key: RandomKey(seed: 77).derived(seed))
    func draw(_ choices: [Int]) -> Int { choices[source.index(below: choices.count)] }
    let channels = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 48, 49, 64, 65, 97]
    var done = 0
    while done < 8 {
      let (inputs, outputs, images) = (draw(channels), draw(channels), draw([1, 2, 3, 5, 9]))
      let (height, width) = (draw(Array(3...19)), draw(Array(3...19)))
      if images * inputs * outputs * height * width > 60_000 { continue }
      done += 1
      let padding = Extent(height: draw([0, 1, 2]), width: draw([0, 1, 2]))
      Self.check(
        ConvolutionCase([images, inputs, height, width], [outputs, inputs, 3, 3], Self.padded(padding)))
    }
  }

  // More tiles than the weight gradient holds at a time. The direct path, tested elsewhere, is the reference here.
  @Test func batchesOfManyTiles() {
    let c = ConvolutionCase([41, 600, 8, 7], [8, 600, 3, 3], Self.padded(1))
    let mismatch = c.weightGradient(.winograd)
      .mismatch(with: c.weightGradient(.direct), relativeToLargest: c.tolerance(.weightGradient, .winograd))
    #expect(mismatch == nil)
  }

  // A bias belongs to its channel and is added once, also where a tile is cut; the ReLU comes after it.
  @Test func biasAndReLU() {
    let c = ConvolutionCase([3, 6, 7, 10], [19, 6, 3, 3], Self.padded(1))
    let plain = PlainConvolution(c).output
    let tolerance = c.tolerance(.forward, .winograd)
    #expect(c.output(.winograd).mismatch(with: plain, relativeToLargest: tolerance) == nil)
    let rectified = plain.relu()
    #expect(rectified.min() == 0)
    #expect(
      c.output(.winograd, thenReLU: true).mismatch(with: rectified, relativeToLargest: tolerance) == nil)
    // zeros times weights leave the bias, to the last bit
    let silent = ConvolutionCase(
      x: .zeros(shape: c.x.shape), weight: c.weight, bias: c.bias, dy: c.dy, settings: c.settings)
    #expect(
      silent.output(.winograd) == c.bias!.reshaped(to: [1, 19, 1, 1]) + .zeros(shape: c.dy.shape))
  }

  // What the library takes by itself: Winograd for wide layers of 3×3, and never where it does not suit.
  @Test func choice() {
    func path(
      _ input: Shape, _ weight: Shape, _ settings: ConvolutionSettings, _ pass: ConvolutionPass = .forward
    ) -> ConvolutionPath {
      .chosen(for: pass, input: input, weight: weight, settings: settings)
    }
    for pass in ConvolutionPass.allCases {
      #expect(path([8, 64, 32, 32], [64, 64, 3, 3], Self.padded(1), pass) == .winograd)
      let others: [(Shape, ConvolutionSettings)] = [
        ([64, 64, 5, 5], Self.padded(2)), ([64, 64, 3, 1], Self.padded(1)), ([64, 64, 1, 1], Self.padded(0)),
        ([64, 64, 3, 3], ConvolutionSettings(stride: 2, padding: 1)),
        ([64, 64, 3, 3], ConvolutionSettings(stride: Extent(height: 1, width: 2), padding: 1)),
        ([64, 64, 3, 3], ConvolutionSettings(padding: 2, dilation: 2)),
        ([64, 32, 3, 3], ConvolutionSettings(padding: 1, groups: 2)), ([64, 64, 3, 3], Self.padded(3)),
      ]
      for (weight, settings) in others {
        #expect(path([8, 64, 32, 32], weight, settings, pass) != .winograd, "\(weight), \(settings)")
      }
    }
  }
}

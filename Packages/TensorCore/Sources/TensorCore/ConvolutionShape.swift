/// The sizes of one convolution, for the code that computes it: `units` are images times groups.
struct ConvolutionShape: Hashable, Sendable {
  let images: Int
  let groups: Int
  /// Channels of one group.
  let inputs: Int, outputs: Int
  let height: Int, width: Int
  let outputHeight: Int, outputWidth: Int
  let kernel: Extent
  let settings: ConvolutionSettings

  init(input: Shape, weight: Shape, settings: ConvolutionSettings) {
    let output = settings.outputShape(input: input, weight: weight)
    images = input[0]
    groups = settings.groups
    inputs = weight[1]
    outputs = weight[0] / settings.groups
    kernel = Extent(height: weight[2], width: weight[3])
    self.settings = settings
    if kernel == 1 && settings.stride == 1 && settings.padding == 0 {
      // It visits every pixel, so rows need not be told apart: one long row makes full vectors.
      (height, width) = (1, input[2] * input[3])
      (outputHeight, outputWidth) = (height, width)
    } else {
      (height, width) = (input[2], input[3])
      (outputHeight, outputWidth) = (output[2], output[3])
    }
  }

  var units: Int { images * groups }
  var taps: Int { inputs * kernel.height * kernel.width }
  var inputUnit: Int { inputs * height * width }
  var outputPlane: Int { outputHeight * outputWidth }
  var outputUnit: Int { outputs * outputPlane }
  var multiplyAdds: Int { units * outputUnit * taps }

  /// How many of these units a task takes: work for some tens of microseconds, whatever the number of threads.
  func unitsPerTask(of units: Int) -> Int {
    max(1, min(units / 8, (1 << 21) / max(1, outputUnit * taps)))
  }
}

import TensorCore

/// One convolution: operands and upstream gradient, and its three passes by any path.
struct ConvolutionCase {
  let x: Tensor
  let weight: Tensor
  let bias: Tensor?
  let dy: Tensor
  let settings: ConvolutionSettings

  init(x: Tensor, weight: Tensor, bias: Tensor?, dy: Tensor, settings: ConvolutionSettings) {
    self.x = x
    self.weight = weight
    self.bias = bias
    self.dy = dy
    self.settings = settings
  }

  /// Operands drawn from U(−1, 1).
  init(
    _ input: Shape, _ weight: Shape, _ settings: ConvolutionSettings = ConvolutionSettings(),
    hasBias: Bool = true
  ) {
    let label = "\(input) \(weight) \(settings)"
    x = PlainReference.uniform(input, "x " + label)
    self.weight = PlainReference.uniform(weight, "weight " + label)
    bias = hasBias ? PlainReference.uniform([weight[0]], "bias " + label) : nil
    dy = PlainReference.uniform(settings.outputShape(input: input, weight: weight), "dy " + label)
    self.settings = settings
  }

  var name: String {
    "\(x.shape) by \(weight.shape), stride \(settings.stride), padding \(settings.padding), dilation "
      + "\(settings.dilation), \(settings.groups) groups"
  }

  func output(_ path: ConvolutionPath?, thenReLU: Bool = false) -> Tensor {
    x.convolved(weight: weight, bias: bias, settings: settings, thenReLU: thenReLU, path: path)
  }

  func inputGradient(_ path: ConvolutionPath?, gate: Tensor? = nil) -> Tensor {
    .convolutionInputGradient(
      dy, weight: weight, inputShape: x.shape, settings: settings, gate: gate, path: path)
  }

  func weightGradient(_ path: ConvolutionPath?, gate: Tensor? = nil) -> Tensor {
    .convolutionWeightGradient(
      dy, input: x, weightShape: weight.shape, settings: settings, gate: gate, path: path)
  }

  func biasGradient(gate: Tensor? = nil) -> Tensor { .convolutionBiasGradient(dy, gate: gate) }

  /// One of the three passes that have paths.
  func result(_ pass: ConvolutionPass, _ path: ConvolutionPath?) -> Tensor {
    switch pass {
    case .forward: output(path)
    case .inputGradient: inputGradient(path)
    case .weightGradient: weightGradient(path)
    }
  }

  /// Every way to compute this convolution; nil lets the library choose.
  var paths: [ConvolutionPath?] {
    let suitsWinograd =
      weight.shape[2] == 3 && weight.shape[3] == 3 && settings.stride == 1 && settings.dilation == 1
      && settings.groups == 1 && max(settings.padding.height, settings.padding.width) <= 2 && x.shape[0] > 0
    return [nil, .direct, .unfolded] + (suitsWinograd ? [.winograd] : [])
  }

  /// How far a pass may be from the exact result, relative to its largest element. Winograd's transforms multiply
  /// rounding errors by a constant, and they grow with the root of how many products a sum has: one for each channel,
  /// and for the weight's gradient one for each tile. Largest seen: 1.7e-6 times the root.
  func tolerance(_ pass: ConvolutionPass, _ path: ConvolutionPath?) -> Float {
    let taken = path ?? .chosen(for: pass, input: x.shape, weight: weight.shape, settings: settings)
    if taken != .winograd { return 1e-5 }
    let products =
      switch pass {
      case .forward: x.shape[1]
      case .inputGradient: weight.shape[0]
      case .weightGradient: x.shape[0] * ((dy.shape[2] + 3) / 4) * ((dy.shape[3] + 3) / 4)
      }
    return 3e-6 * Float(Swift.max(products, 16)).squareRoot()
  }
}

/// Convolution in seven plain loops, summed in `Double`; the same loops scatter both gradients.
struct PlainConvolution {
  private(set) var output: Tensor
  private(set) var inputGradient: Tensor
  private(set) var weightGradient: Tensor
  private(set) var biasGradient: Tensor

  init(_ c: ConvolutionCase) {
    let (s, dilation, padding) = (c.settings.stride, c.settings.dilation, c.settings.padding)
    let (height, width) = (c.x.shape[2], c.x.shape[3])
    let (outputs, inputs) = (c.weight.shape[0], c.weight.shape[1])
    let (kernelHeight, kernelWidth) = (c.weight.shape[2], c.weight.shape[3])
    let (rows, columns) = (c.dy.shape[2], c.dy.shape[3])
    let (x, w, dy) = (
      c.x.scalars.map(Double.init), c.weight.scalars.map(Double.init), c.dy.scalars.map(Double.init)
    )
    var (y, dx) = ([Double](repeating: 0, count: dy.count), [Double](repeating: 0, count: x.count))
    var (dw, db) = ([Double](repeating: 0, count: w.count), [Double](repeating: 0, count: outputs))
    for n in 0..<c.x.shape[0] {
      for o in 0..<outputs {
        let group = o / (outputs / c.settings.groups)
        for i in 0..<rows {
          for j in 0..<columns {
            let pixel = ((n * outputs + o) * rows + i) * columns + j
            let slope = dy[pixel]
            var sum = Double(c.bias?.scalars[o] ?? 0)
            db[o] += slope
            for channel in 0..<inputs {
              let plane = (n * c.x.shape[1] + group * inputs + channel) * height
              for k in 0..<kernelHeight {
                let row = i * s.height + k * dilation.height - padding.height
                if row < 0 || row >= height { continue }
                var l = 0
                while l < kernelWidth {
                  let column = j * s.width + l * dilation.width - padding.width
                  if column >= 0 && column < width {
                    let from = (plane + row) * width + column
                    let tap = ((o * inputs + channel) * kernelHeight + k) * kernelWidth + l
                    sum += w[tap] * x[from]
                    dx[from] += w[tap] * slope
                    dw[tap] += x[from] * slope
                  }
                  l += 1
                }
              }
            }
            y[pixel] = sum
          }
        }
      }
    }
    output = Tensor(shape: c.dy.shape, scalars: y.map { Float($0) })
    inputGradient = Tensor(shape: c.x.shape, scalars: dx.map { Float($0) })
    weightGradient = Tensor(shape: c.weight.shape, scalars: dw.map { Float($0) })
    biasGradient = Tensor(db.map { Float($0) })
  }

  func result(_ pass: ConvolutionPass) -> Tensor {
    switch pass {
    case .forward: output
    case .inputGradient: inputGradient
    case .weightGradient: weightGradient
    }
  }
}

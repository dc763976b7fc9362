import Foundation
import TensorCore
import Testing

/// Against PyTorch in float64, on the cases of Scripts/fixtures/make_convolution_fixtures.py. Operands are multiples of
/// 1/16 of at most 2 and sums short enough that a float holds every partial sum: paths that only multiply and add must
/// give PyTorch's numbers to the last bit, whatever the order.
@Suite struct ConvolutionReferenceTests {
  private static let file = Result {
    try SafeTensors(contentsOf: FixtureFile.url("convolution/convolutions.safetensors"))
  }
  static let names =
    (try? file.get().names.filter { $0.hasSuffix("/sizes") }.map { String($0.dropLast(6)) }) ?? []

  /// The numbers of `hashed` in the script.
  private static func hashed(_ shape: Shape, _ salt: Int) -> Tensor {
    Tensor(shape: shape) { x in
      for i in x.indices {
        var h = UInt32(i) &* 0x9E37_79B1 &+ UInt32(truncatingIfNeeded: salt) &* 0x85EB_CA77
        h ^= h >> 15
        h = h &* 0x2C1B_3C6D
        h ^= h >> 12
        h = h &* 0x297A_2D39
        h ^= h >> 15
        x[i] = (Float(h % 65) - 32) / 16
      }
    }
  }

  /// The elements that `sampled` in the script keeps.
  private static func sampled(_ x: Tensor) -> [Float] {
    let (scalars, most) = (x.scalars, 1000)
    if scalars.count <= most { return scalars }
    var step = (scalars.count + most - 1) / most
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    while divisor(scalars.count, step) != 1 { step += 1 }
    return (0..<most).map { scalars[$0 * step % scalars.count] }
  }

  private static func operands(_ name: String) throws -> (ConvolutionCase, thenReLU: Bool) {
    let sizes = try file.get().integers(named: name + "/sizes").scalars.map(Int.init)
    let settings = ConvolutionSettings(
      stride: Extent(height: sizes[7], width: sizes[8]), padding: Extent(height: sizes[9], width: sizes[10]),
      dilation: Extent(height: sizes[11], width: sizes[12]), groups: sizes[13])
    let input = Shape(Array(sizes[0..<4]))
    let weight: Shape = [sizes[4], sizes[1] / sizes[13], sizes[5], sizes[6]]
    let salt = 4 * sizes[16]
    return (
      ConvolutionCase(
        x: hashed(input, salt), weight: hashed(weight, salt + 1),
        bias: sizes[14] == 0 ? nil : hashed([weight[0]], salt + 2),
        dy: hashed(settings.outputShape(input: input, weight: weight), salt + 3), settings: settings),
      sizes[15] != 0
    )
  }

  /// Fails unless the sampled elements are within the tolerance of the whole array's largest.
  private static func expect(
    _ actual: Tensor, _ key: String, _ index: Int, of name: String, within tolerance: Float, _ path: String
  ) throws {
    let expected = try file.get().tensor(named: "\(name)/\(key)").scalars
    let largest = try file.get().tensor(named: name + "/largest").scalars[index]
    let values = sampled(actual)
    try #require(values.count == expected.count, "\(name): \(key) of shape \(actual.shape) by \(path)")
    let wrong = zip(values, expected).enumerated().filter {
      !(abs($0.element.0 - $0.element.1) <= tolerance * largest)
    }
    if let worst = wrong.first {
      Issue.record(
        """
        \(name): \(key) by \(path): \(wrong.count) of \(values.count) elements are wrong; sample \
        \(worst.offset) is \(worst.element.0), expected \(worst.element.1), largest \(largest)
        """)
    }
  }

  @Test func fixtureIsComplete() throws {
    #expect(Self.names.count == 54)
    #expect(try Self.file.get().metadata["torch"]?.hasPrefix("2.13.0") == true)
  }

  @Test(arguments: names) func allPasses(name: String) throws {
    let (c, thenReLU) = try Self.operands(name)
    for path in c.paths {
      func tolerance(_ pass: ConvolutionPass) -> Float {
        let taken = path ?? .chosen(for: pass, input: c.x.shape, weight: c.weight.shape, settings: c.settings)
        return taken == .winograd ? c.tolerance(pass, path) : 0
      }
      let label = path.map(\.rawValue) ?? "the chosen path"
      let y = c.output(path, thenReLU: thenReLU)
      try Self.expect(y, "output", 0, of: name, within: tolerance(.forward), label)
      // The direct output is PyTorch's: rounding cannot decide where the ReLU is open.
      let gate = thenReLU ? c.output(.direct, thenReLU: true) : nil
      try Self.expect(
        c.inputGradient(path, gate: gate), "input", 1, of: name, within: tolerance(.inputGradient), label)
      try Self.expect(
        c.weightGradient(path, gate: gate), "weight", 2, of: name, within: tolerance(.weightGradient), label)
      if c.bias != nil {
        try Self.expect(c.biasGradient(gate: gate), "bias", 3, of: name, within: 0, label)
      }
    }
  }
}

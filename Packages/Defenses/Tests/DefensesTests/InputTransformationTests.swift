import Attacks
import AutoDiffLite
import Defenses
import Foundation
import TensorCore
import Testing

/// Changes of inputs against what Pillow, SciPy and NumPy make of the same images
/// (Scripts/fixtures/make_preprocessing_fixtures.py).
@Suite struct InputTransformationTests {
  static let file = Result {
    try SafeTensors(
      contentsOf: Bundle.module.url(forResource: "Fixtures/preprocessing", withExtension: "safetensors")!)
  }

  private func tensor(_ name: String) throws -> Tensor { try Self.file.get().tensor(named: name) }

  // Another quality, no colour subsampling, channels interleaved wrongly, or rows of different images exchanged.
  @Test func jpegIsPillows() throws {
    let images = try tensor("images")
    let grey = Tensor.concatenated([images[row: 0][rows: 0..<1], images[row: 1][rows: 0..<1]])
      .reshaped(to: [2, 1, 13, 21])
    #expect(JPEGCompression(quality: 75)(images) == (try tensor("jpeg-75")))
    #expect(JPEGCompression(quality: 40, subsamplesColor: false)(images) == (try tensor("jpeg-40-444")))
    #expect(JPEGCompression()(grey) == (try tensor("jpeg-75-grey")))
  }

  // The lower of two middle values, a square that begins at its pixel, or an edge that is not mirrored.
  @Test(arguments: [2, 3]) func medianIsSciPys(_ size: Int) throws {
    #expect(MedianSmoothing(size: size)(try tensor("images")) == (try tensor("median-\(size)")))
  }

  @Test(arguments: [1, 4, 5]) func depthIsNumPys(_ bits: Int) throws {
    #expect(BitDepthReduction(bits: bits)(try tensor("images")) == (try tensor("depth-\(bits)")))
  }

  // Levels 0, 1/3, 2/3, 1; a half goes to the even level, so 1/6 down and 1/2 up to 2/3.
  @Test func depthByHand() {
    let x = Tensor([0, 0.16, 0.17, 0.5, 0.84, 1])
    #expect(BitDepthReduction(bits: 2)(x) == Tensor([0, 0, 1.0 / 3, 2.0 / 3, 1, 1]))
    #expect(BitDepthReduction(bits: 1)(Tensor([0.5, 0.501])) == Tensor([0, 1]))
  }

  /// A change that, other than a median, does not commute with rounding.
  private struct Halving: InputTransformation {
    func callAsFunction(_ x: Tensor) -> Tensor { x / 2 }
    var description: String { "half" }
  }

  // Forwards both steps in their order, backwards neither: the linear score's own slope.
  @Test func classifiersBehindTransformations() {
    let score = Score(weight: [1, -2, 3, 0.5])
    let x = Tensor([0.1, 0.6, 0.3, 0.9]).reshaped(to: [1, 1, 2, 2])
    let deployed = score.behind([BitDepthReduction(bits: 1), Halving()])
    #expect(deployed.logits(x) == Tensor([[0, (-2 + 0.5) / 2]]))
    let goal = Margin(ClassAim(classes: IntTensor([1]), isTargeted: true))
    let (logits, gradient) = deployed.logitsAndInputGradient(at: x, goal: goal)
    #expect(logits == deployed.logits(x) && gradient.scalars == [1, -2, 3, 0.5])
  }

  @Test func wrongSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = JPEGCompression(quality: 0) }
    await #expect(processExitsWith: .failure) { _ = BitDepthReduction(bits: 0) }
    await #expect(processExitsWith: .failure) { _ = MedianSmoothing(size: 3)(.zeros(shape: [1, 1, 2, 5])) }
    await #expect(processExitsWith: .failure) { _ = JPEGCompression()(.zeros(shape: [1, 2, 8, 8])) }
  }
}

/// Two classes with the scores 0 and w·x, for images of any shape.
struct Score: Classifier {
  let weight: [Float]
  var bias: Float = 0
  var inputRange: ClosedRange<Float> { 0...1 }
  func logits(_ x: Variable) -> Variable {
    x.reshaped(to: [x.shape[0], weight.count]).linear(
      weight: Variable(Tensor([[Float](repeating: 0, count: weight.count), weight])),
      bias: Variable(Tensor([0, bias])))
  }
}

import Attacks
import Datasets
import NNLayers
import TensorCore

/// Images of one class moved towards another along the sign of one gradient: document 2's experiment on any model.
public struct Transformation: Sendable {
  /// The images, `[n, …]`.
  public let batch: Batch
  /// The class to turn them into.
  public let target: Int
  /// −sign(∇ₓ J(x, target)), the direction in which the target's cost falls; shaped as the images.
  public let directions: Tensor
  /// The logits at every one of the steps.
  public let sweep: DirectionSweep
  /// The smallest working step of each image, refined on the logits; nil where no step up to 1 works.
  public let smallest: [Float?]
  /// The first of the 101 steps that works: what the document chooses by eye.
  public let chosen: [Float?]

  /// The document's 101 steps from −1 to 1.
  public static let steps: [Float] = (0...100).map { Float($0 - 50) / 50 }

  /// Takes the gradient at the clean images and follows it. Nothing is clipped.
  public init(_ batch: Batch, into target: Int, model: some Layer) {
    self.batch = batch
    self.target = target
    let classifier = LayerClassifier(model, inputRange: -Float.infinity...Float.infinity)
    let goal = Targeted(target: target, count: batch.count)
    let directions = classifier.inputGradient(at: batch.inputs, goal: goal).sign()
    self.directions = directions
    let sweep = DirectionSweep(batch.inputs, along: directions, steps: Self.steps, of: classifier)
    self.sweep = sweep
    smallest = (0..<batch.count).map { sweep.smallestStep(sample: $0, target: target) }
    let predictions = sweep.logits.argmax(alongAxis: 2)
    chosen = (0..<batch.count).map { sample in
      Self.steps.indices.first { Self.steps[$0] > 0 && predictions[$0 * batch.count + sample] == target }
        .map { Self.steps[$0] }
    }
  }

  /// The images moved by a step each; an image without a working step is moved by `fallback`.
  public func moved(by steps: [Float?], fallback: Float = 1) -> Tensor {
    let ones = [Int](repeating: 1, count: batch.inputs.rank - 1)
    let factors = Tensor(steps.map { $0 ?? fallback }).reshaped(to: [batch.count] + ones)
    return batch.inputs + factors * directions
  }
}

extension LabeledSource {
  /// The first images of a class in the order of the data set, flattened: `[count, pixels]`.
  ///
  /// - Throws: `InputError.mismatch` when there are fewer; what the source throws.
  public func firstImages(of label: Int, count: Int) throws -> Batch {
    let places = places(of: label).prefix(count)
    guard places.count == count else {
      throw InputError(
        .mismatch, "the test images", expected: "at least \(count) of class \(label)",
        found: "\(places.count)")
    }
    let batch = try batch(at: Array(places))
    return Batch(
      inputs: batch.inputs.reshaped(to: [count, -1]), labels: batch.labels, indices: batch.indices)
  }
}

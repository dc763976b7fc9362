import AutoDiffLite
import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct DistillationTests {
  private static let key = RandomKey(seed: 31)

  /// A teacher that answers with its input.
  private struct Echo: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x }
  }

  // Loss and gradient as PyTorch's kl_div ("batchmean") and cross_entropy give them: a mean over classes, KL the wrong way
  // round, or a lost T² differ.
  @Test(arguments: [(1, 0.5), (4, 0.9), (2.5, 1)] as [(Float, Float)])
  func asPyTorch(temperature: Float, share: Float) throws {
    func name(_ value: Float) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
    let suffix = "\(name(temperature))_\(name(share))"
    let (student, teacher) = (
      try Reference.tensor("distillation/student"), try Reference.tensor("distillation/teacher")
    )
    let labels = try Reference.labels("distillation/labels")
    let batch = Batch(inputs: teacher, labels: labels, indices: Array(0..<6))
    let loss = Distillation(from: try Echo().prepared(for: [5]), temperature: temperature, share: share)
    let (value, slope) = valueAndGradient(at: student) { loss($0, teacher: teacher, of: batch) }
    try expectClose(Tensor(value), Reference.tensor("distillation/loss_\(suffix)"), "loss")
    try expectClose(slope, Reference.tensor("distillation/gradient_\(suffix)"), "gradient")
  }

  // Samples without the class that they are: the student can learn the right answers from the teacher alone.
  @Test func studentsLearnFromTheTeacherAlone() throws {
    let samples = Clouds(count: 300)
    var teacher = TrainingState(
      model: MLP(widths: [2, 32, 3], key: Self.key), optimizer: Adam(learningRate: 0.01))
    var loop = TrainingLoop(epochs: 20, batchSize: 20, key: Self.key)
    try loop.run(&teacher, on: samples)
    struct Unlabelled: BatchSource {
      let samples: Clouds
      let classCount = 3
      var count: Int { samples.count }
      var inputShape: Shape { samples.inputShape }
      func batch(at indices: [Int], epoch: Int) -> Batch {
        let batch = samples.batch(at: indices, epoch: epoch)
        return Batch(
          inputs: batch.inputs, labels: IntTensor([Int](repeating: 0, count: indices.count)), indices: indices
        )
      }
    }
    loop.loss = Distillation(from: try teacher.model.prepared(for: [2]), temperature: 2, share: 1)
    var student = TrainingState(
      model: MLP(widths: [2, 8, 3], key: Self.key), optimizer: Adam(learningRate: 0.01))
    try loop.run(&student, on: Unlabelled(samples: samples))
    let expected = try teacher.model.evaluate(on: samples).accuracy
    #expect(expected > 0.9)
    #expect(try student.model.evaluate(on: samples).accuracy > expected - 0.03)
  }

  @Test func settingsAreChecked() async {
    await #expect(processExitsWith: .failure) {
      _ = Distillation(from: try Echo().prepared(for: [5]), temperature: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = Distillation(from: try Echo().prepared(for: [5]), share: 1.5)
    }
  }
}

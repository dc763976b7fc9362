import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct SurrogateTransferTests {
  private static let key = RandomKey(seed: 95)
  private let attack = ProjectedGradient(budget: LInfBall(radius: 0.25), stepSize: 0.05, steps: 10)

  /// The same points, all with label 0.
  private struct Unlabeled: BatchSource {
    let points: Clouds
    var count: Int { points.count }
    var inputShape: Shape { points.inputShape }
    var classCount: Int { points.classCount }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      let batch = try points.batch(at: indices, epoch: epoch)
      return Batch(
        inputs: batch.inputs, labels: IntTensor([Int](repeating: 0, count: indices.count)), indices: indices)
    }
  }

  private func run(to target: some Classifier, queries: some BatchSource) throws -> SurrogateTransfer<MLP> {
    let start = TrainingState(
      model: MLP(widths: [2, 16, 3], key: Self.key), optimizer: Adam(learningRate: 0.02))
    return try surrogateTransfer(
      of: attack, to: target, training: start, with: TrainingLoop(epochs: 12, batchSize: 20, key: Self.key),
      queries: queries, on: Clouds(count: 61), samples: Array(1..<61), batchSize: 17, key: Self.key)
  }

  // The copy learns from the target's answers alone: true labels change nothing, and the target's mistakes are learned.
  @Test func copiesLearnFromAnswers() throws {
    let target = try Clouds(count: 200).trained()
    let asked = Clouds(count: 150, seed: 96)
    let result = try run(to: target, queries: asked)
    #expect(result.queries == 150 && result.agreement.count == 60)
    #expect(result.agreement.estimate > 0.9)
    #expect(result.transfer.source.map(\.index) == Array(1..<61))
    // the corners are 0.4 apart: most samples fall, on the copy and then on the target
    #expect(result.transfer.rate.estimate > 0.7 && result.transfer.rate.count > 30, "\(result.transfer.rate)")
    let blind = try run(to: target, queries: Unlabeled(points: asked))
    #expect(blind.transfer.source == result.transfer.source)
    #expect(blind.surrogate.weightsDigest == result.surrogate.weightsDigest)
  }

  @Test func answersAreTheModels() throws {
    let target = Rowwise(classes: 3, inputs: 2, key: Self.key)
    let clouds = Clouds(count: 23)
    let answered = try AnsweredSamples(clouds, from: target, batchSize: 4)
    #expect(answered.answers == target.logits(clouds.inputs).argmax(alongAxis: 1))
    let batch = try answered.batch(at: [20, 3])
    #expect(batch.labels == answered.answers.gathered(rows: [20, 3]) && batch.indices == [20, 3])
    #expect(batch.inputs == clouds.inputs.gathered(rows: [20, 3]))
    #expect(answered.count == 23 && answered.inputShape == [2] && answered.classCount == 3)
    var narrow = target
    narrow.inputRange = 0...0.2
    #expect(throws: InputError.self) { _ = try AnsweredSamples(clouds, from: narrow) }
  }
}

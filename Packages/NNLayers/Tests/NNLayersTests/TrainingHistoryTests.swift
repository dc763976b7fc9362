import Foundation
import NNLayers
import Testing

@Suite struct TrainingHistoryTests {
  private func history(_ losses: [Double]) throws -> TrainingHistory {
    let epochs = losses.enumerated().map { place, loss in
      """
      {"epoch": \(place + 1), "learningRate": 1, "trainingLoss": \(loss), "trainingAccuracy": 0, "penalty": 0, "seconds": 0}
      """
    }
    return try JSONDecoder().decode(
      TrainingHistory.self, from: Data("{\"epochs\": [\(epochs.joined(separator: ","))]}".utf8))
  }

  // By hand: the whole fall is 8 and a quarter of it 2. Epoch 3 is within it and epoch 4 is not, so it does not count.
  @Test func settlingEpoch() throws {
    #expect(try history([10, 5, 3.5, 4.5, 4, 1, 2]).settlingEpoch(tolerance: 0.25) == 5)
    #expect(try history([10, 2, 2.3, 1.7, 2]).settlingEpoch() == 2)
    // a rising loss settles too, a constant one has settled at once
    #expect(try history([1, 3, 5, 5]).settlingEpoch() == 3)
    #expect(try history([3, 3, 3]).settlingEpoch() == 1)
    #expect(try history([7]).settlingEpoch() == 1)
    #expect(try history([]).settlingEpoch() == nil)
  }
}

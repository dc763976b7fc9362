import Attacks
import AutoDiffLite
import Defenses
import Foundation
import TensorCore
import Testing

@Suite struct DetectionTests {
  // One pixel and the score 8x - 4.4. At 0.6 the one-bit input is 1: softmax(0, 0.4) and softmax(0, 3.6), whose L1 distance
  // is twice the difference of the logistic function. At 0 and 1 rounding changes nothing.
  @Test func squeezingByHand() {
    let detector = FeatureSqueezing(
      Score(weight: [8], bias: -4.4), squeezers: [BitDepthReduction(bits: 1), BitDepthReduction(bits: 2)])
    let scores = detector.scores(of: Tensor([0, 0.6, 1]).reshaped(to: [3, 1, 1, 1]))
    func logistic(_ t: Double) -> Double { 1 / (1 + exp(-t)) }
    #expect(scores[0] == 0 && scores[2] == 0)
    #expect(abs(scores[1] - 2 * (logistic(3.6) - logistic(0.4))) < 1e-6)
  }

  // The classifier to climb is the mean of three: at 0.6 of scores 0.4, 3.6 and 8 · 2/3 - 4.4; its slope is the score's.
  @Test func theAttackSeesAllForms() {
    let detector = FeatureSqueezing(
      Score(weight: [8], bias: -4.4), squeezers: [BitDepthReduction(bits: 1), BitDepthReduction(bits: 2)])
    let x = Tensor([0.6]).reshaped(to: [1, 1, 1, 1])
    let goal = Margin(ClassAim(classes: IntTensor([1]), isTargeted: true))
    let (logits, gradient) = detector.underAttack.logitsAndInputGradient(at: x, goal: goal)
    #expect(abs(Double(logits[0, 1]) - (0.4 + 3.6 + 16.0 / 3 - 4.4) / 3) < 1e-5)
    #expect(abs(gradient.scalars[0] - 8) < 1e-5)
  }

  // Of 9 clean scores and a further one that can be exchanged for them, each is the largest with probability 1/10: the
  // largest is the threshold for 0.1. Of 29 the third largest.
  @Test func thresholdsByRank() throws {
    let nine = (1...9).map(Double.init).shuffled()
    let threshold = try AlarmThreshold(calibratedOn: nine, falseAlarmRate: 0.1)
    #expect(threshold.value == 9 && threshold.alarms([9, 9.5]) == [false, true])
    #expect(try AlarmThreshold(calibratedOn: (1...29).map(Double.init), falseAlarmRate: 0.1).value == 27)
    #expect(try AlarmThreshold(calibratedOn: (1...99).map(Double.init), falseAlarmRate: 0.05).value == 95)
    let error = try #require(throws: InputError.self) {
      try AlarmThreshold(calibratedOn: Array(nine.dropLast()), falseAlarmRate: 0.1)
    }
    #expect(error.description.contains("at least 9") && error.description.contains("found 8"))
    #expect(throws: InputError.self) { try AlarmThreshold(calibratedOn: nine + [.nan], falseAlarmRate: 0.1) }
  }

  // The promise itself, over draws of both: 20,000 times 19 clean scores and one more. Expected 0.1, deviation 0.0021.
  @Test func falseAlarmsAreAsRareAsPromised() throws {
    let draws = Tensor.uniform(shape: [20_000, 20], key: RandomKey(seed: 7))
    var alarms = 0
    for row in 0..<20_000 {
      let scores = draws[row: row].scalars.map(Double.init)
      let threshold = try AlarmThreshold(calibratedOn: Array(scores.dropLast()), falseAlarmRate: 0.1)
      alarms += threshold.alarms([scores[19]])[0] ? 1 : 0
    }
    #expect(abs(Double(alarms) / 20_000 - 0.1) < 0.009)
  }
}

@Suite struct ReceiverOperatingCharacteristicTests {
  // Targets 3, 2, 1 against clean 2, 0: of six pairs four are won and one is equal, 4.5/6.
  @Test func byHand() throws {
    let curve = try ReceiverOperatingCharacteristic(clean: [2, 0], targets: [1, 3, 2])
    #expect(curve.area == 0.75)
    #expect(curve.points.map(\.threshold) == [.infinity, 3, 2, 1, 0])
    #expect(curve.points.map(\.falseAlarms.successes) == [0, 0, 1, 1, 2])
    #expect(curve.points.map(\.detections.successes) == [0, 1, 2, 3, 3])
    #expect(curve.points[4].falseAlarms.count == 2 && curve.points[4].detections.count == 3)
  }

  // Areas by SciPy's Mann-Whitney statistic with many equal scores, bounds by its root finder.
  @Test(arguments: 0..<4) func areasAreSciPys(_ number: Int) throws {
    let file = try InputTransformationTests.file.get()
    func scores(_ name: String) throws -> [Double] {
      try file.tensor(named: "roc-\(number)-\(name)").scalars.map(Double.init)
    }
    let curve = try ReceiverOperatingCharacteristic(clean: scores("clean"), targets: scores("targets"))
    let expected = try file.tensor(named: "roc-areas")[row: number].scalars.map(Double.init)
    let interval = curve.areaInterval()
    for (value, other) in zip([curve.area, interval.lowerBound, interval.upperBound], expected) {
      #expect(abs(value - other) < 1e-6)
    }
  }

  // One of each and no overlap: Wilson's bound for 1 of 1, 1 / (1 + z^2), instead of an interval of no width.
  @Test func perfectSeparationIsNotCertain() throws {
    let curve = try ReceiverOperatingCharacteristic(clean: [0], targets: [1])
    let interval = curve.areaInterval(confidence: 0.95)
    #expect(curve.area == 1 && interval.upperBound == 1)
    #expect(abs(interval.lowerBound - 1 / (1 + 1.959963984540054 * 1.959963984540054)) < 1e-9)
    let reverse = try ReceiverOperatingCharacteristic(clean: [1], targets: [0]).areaInterval()
    #expect(reverse.lowerBound == 0 && abs(reverse.upperBound - (1 - interval.lowerBound)) < 1e-9)
  }

  @Test func nothingToCompareIsRefused() {
    #expect(throws: InputError.self) { try ReceiverOperatingCharacteristic(clean: [], targets: [1]) }
    #expect(throws: InputError.self) { try ReceiverOperatingCharacteristic(clean: [0], targets: [.nan]) }
  }
}

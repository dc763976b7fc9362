import NNLayers
import Testing

@Suite struct CalibrationTests {
  // By hand, with eighths, which are exact; a bound belongs to the lower bin.
  @Test func expectedError() {
    let calibration = Calibration(
      confidences: [0.875, 0.8125, 0.375, 1], outcomes: [true, false, true, true], binCount: 8)
    #expect(calibration.bins.map(\.count) == [0, 0, 1, 0, 0, 0, 2, 1])
    #expect(calibration.bins[6].accuracy == 0.5 && calibration.bins[6].meanConfidence == 0.84375)
    // |1 − 1.6875| / 4 + |1 − 0.375| / 4 + 0
    #expect(abs(calibration.expectedError - 0.328125) < 1e-12)
  }

  @Test func edges() {
    #expect(Calibration(confidences: [0], outcomes: [false]).bins[0].count == 1)
    #expect(Calibration(confidences: [], outcomes: []).expectedError.isNaN)
  }
}

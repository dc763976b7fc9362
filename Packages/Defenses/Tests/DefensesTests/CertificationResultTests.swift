import Foundation
import TensorCore
import Testing

@testable import Defenses

@Suite struct CertificationResultTests {
  // Two right (radii 0.5 and 1), one wrong, one abstention: σ 1, p = Φ(R).
  private static func result() throws -> CertificationResult {
    func record(_ index: Int, label: Int, candidate: Int, _ bound: Double) -> CertificationRecord {
      CertificationRecord(
        index: index, label: label,
        certificate: Certificate(
          candidate: candidate, hits: 90 + index, draws: 100, lowerBound: bound, sigma: 1))
    }
    return CertificationResult(
      settings: CertificationSettings(selectionDraws: 10, estimationDraws: 100),
      noise: try SmoothingNoise(standardDeviation: 1),
      records: [
        record(0, label: 3, candidate: 3, 0.691462461274013),
        record(2, label: 1, candidate: 1, 0.841344746068543),
        record(3, label: 1, candidate: 7, 0.977249868051821), record(7, label: 5, candidate: 5, 0.5),
      ], seconds: 8)
  }

  @Test func ratesAndMeans() throws {
    let result = try Self.result()
    #expect(result.certifiedCorrect == Proportion(successes: 2, count: 4))
    #expect(result.certifiedWrong == Proportion(successes: 1, count: 4))
    #expect(result.abstained == Proportion(successes: 1, count: 4))
    #expect(abs(result.meanRadiusOfAll - 0.375) < 1e-12)
    #expect(abs(result.meanRadiusOfCertified - 0.75) < 1e-12)
    #expect(abs(try #require(result.largestRadius) - 2) < 1e-12)
    #expect(result.meanDraws == 110)
    let counts = [0, 0.4999, 0.5001, 0.9999, 1.0001, 1.9].map {
      result.certifiedAccuracy(atRadius: $0).successes
    }
    #expect(counts == [2, 2, 1, 1, 0, 0])
    #expect(result.certifiedAccuracy(atRadius: 0).count == 4)
  }

  @Test func noSamples() throws {
    let noise = try SmoothingNoise(standardDeviation: 1)
    let empty = CertificationResult(settings: CertificationSettings(), noise: noise, records: [], seconds: 0)
    #expect(empty.meanRadiusOfAll.isNaN && empty.meanRadiusOfCertified.isNaN && empty.largestRadius == nil)
    #expect(empty.certifiedCorrect.count == 0)
  }

  @Test func csv() throws {
    let result = try Self.result()
    let lines = result.csv.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 6 && lines[5].isEmpty)
    #expect(lines[0] == "index,label,certified_class,radius,correct,candidate,hits,draws,lower_bound")
    let wrong = lines[3].split(separator: ",", omittingEmptySubsequences: false)
    #expect(wrong.count == 9 && Array(wrong.prefix(3)) == ["3", "1", "7"] && wrong[4] == "0")
    #expect(abs(try #require(Double(wrong[3])) - 2) < 1e-12)
    #expect(lines[4] == "7,5,,,0,5,97,100,0.5")
    // SciPy: the exact interval of 1 in 4 is [0.0063095, 0.8058796]
    let accuracy = result.accuracyCSV(radii: [0.75]).split(separator: "\n")
    #expect(accuracy[0] == "radius,certified_accuracy,low,high,successes,count" && accuracy.count == 2)
    let numbers = accuracy[1].split(separator: ",").compactMap { Double($0) }
    #expect(numbers[0] == 0.75 && numbers[1] == 0.25 && numbers[4] == 1 && numbers[5] == 4)
    #expect(abs(numbers[2] - 0.0063094632) < 1e-9 && abs(numbers[3] - 0.8058795504) < 1e-9)
  }
}

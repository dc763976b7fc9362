import Foundation
import TensorCore
import Testing

/// Numbers by SciPy, or by mpmath with 50 digits where SciPy's own error would matter.
private struct Reference: Decodable {
  struct Paired: Decodable {
    let first: [Double]
    let second: [Double]
    let statistic: Double
    let pValue: Double
    let meanDifference: Double
    let standardDeviation: Double
  }

  let normalCumulative: [[Double]]
  let normalQuantile: [[Double]]
  let betaCumulative: [[Double]]
  let betaQuantile: [[Double]]
  let proportions: [[Double]]
  let binomialTests: [[Double]]
  let student: [[Double]]
  let paired: Paired

  init() throws {
    self = try JSONDecoder().decode(Reference.self, from: FixtureFile.data("statistics/statistics.json"))
  }
}

private func isClose(_ a: Double, _ b: Double, relative: Double, absolute: Double = 0) -> Bool {
  a == b || (a - b).magnitude <= max(absolute, relative * b.magnitude)
}

@Suite struct NormalDistributionTests {
  @Test func cumulative() throws {
    for row in try Reference().normalCumulative {
      let tolerance = 3e-16 * max(4, row[0] * row[0])
      #expect(isClose(NormalDistribution.cumulative(row[0]), row[1], relative: tolerance), "at \(row[0])")
    }
  }

  // Each of the three approximations, both sides of their borders, and a wrong digit in any coefficient.
  @Test func quantile() throws {
    for row in try Reference().normalQuantile {
      let x = NormalDistribution.quantile(row[0])
      #expect(isClose(x, row[1], relative: 2e-15, absolute: 1e-16), "at \(row[0])")
    }
    #expect(NormalDistribution.quantile(0) == -.infinity)
    #expect(NormalDistribution.quantile(1) == .infinity)
  }

  // Everywhere on [1e-12, 1 − 1e-12], not only at the reference's points: the C library's erfc says by how much x misses p,
  // and the density what that is in x.
  @Test func quantileErrorIsBelow1e9() {
    func error(_ x: Double, _ tail: Double) -> Double {
      (NormalDistribution.cumulative(-abs(x)) - tail).magnitude / exp(-x * x / 2) * (2 * .pi).squareRoot()
    }
    for step in 0...4000 {
      let tail = min(0.5, pow(10, -12 + 12 * Double(step) / 4000))
      let (x, y) = (NormalDistribution.quantile(tail), NormalDistribution.quantile(1 - tail))
      #expect(x <= 0 && error(x, tail) < 1e-9, "at \(tail)")
      #expect(y >= 0 && error(y, 1 - (1 - tail)) < 1e-9, "at 1 - \(tail)")
    }
  }

  // σ · Φ⁻¹(α^(1/n)): the largest radius that n equal draws can certify, as published for these settings.
  @Test(
    arguments: [
      (10_000, 0.05, 3.4320), (1_000, 0.05, 2.7487), (100, 0.001, 1.500), (1_000, 0.001, 2.463),
      (10_000, 0.001, 3.199),
      (100_000, 0.001, 3.811),
    ])
  func largestRadius(count: Int, failureProbability: Double, radius: Double) {
    let bound = Proportion(successes: count, count: count).lowerBound(failureProbability: failureProbability)
    #expect(
      (NormalDistribution.quantile(bound) - radius).magnitude < (failureProbability == 0.05 ? 5e-5 : 5e-4))
  }
}

@Suite struct BetaDistributionTests {
  @Test func cumulative() throws {
    for row in try Reference().betaCumulative {
      let beta = BetaDistribution(a: row[0], b: row[1])
      #expect(isClose(beta.cumulative(row[2]), row[3], relative: 1e-12), "\(row)")
    }
  }

  @Test func quantile() throws {
    for row in try Reference().betaQuantile {
      let beta = BetaDistribution(a: row[0], b: row[1])
      #expect(isClose(beta.quantile(row[2]), row[3], relative: 1e-12), "\(row)")
      // 1 − X has the distribution with a and b exchanged.
      let mirrored = BetaDistribution(a: row[1], b: row[0])
      #expect(isClose(1 - mirrored.upperQuantile(row[2]), row[3], relative: 1e-9, absolute: 1e-15), "\(row)")
    }
  }

  // The upper tail of Beta(1, b) is (1 − x)ᵇ, so x = 1 − p^(1/b), also where 1 − p rounds to 1.
  @Test(arguments: [1e-300, 1e-30, 0.001, 0.7]) func upperTail(probability: Double) {
    let x = BetaDistribution(a: 1, b: 1e6).upperQuantile(probability)
    #expect(isClose(x, -expm1(log(probability) / 1e6), relative: 1e-12))
  }

  @Test func ends() {
    let beta = BetaDistribution(a: 2, b: 3)
    #expect(beta.cumulative(.nan).isNaN)
    #expect(
      beta.cumulative(-1) == 0 && beta.cumulative(0) == 0 && beta.cumulative(1) == 1
        && beta.cumulative(2) == 1)
    #expect(beta.quantile(0) == 0 && beta.quantile(1) == 1)
    #expect(beta.upperQuantile(0) == 1 && beta.upperQuantile(1) == 0)
  }
}

@Suite struct ProportionTests {
  // SciPy stops its search at about ten digits; the quantiles behind these bounds are tested to twelve.
  @Test func intervals() throws {
    for row in try Reference().proportions {
      let proportion = Proportion(successes: Int(row[0]), count: Int(row[1]))
      let interval = proportion.interval(confidence: row[2])
      #expect(isClose(interval.lowerBound, row[3], relative: 1e-9), "\(row)")
      #expect(isClose(interval.upperBound, row[4], relative: 1e-9), "\(row)")
    }
  }

  // The least count whose bound lies above one half, published for α = 0.05: one fewer must abstain.
  @Test(arguments: [(10_000, 5_083), (1_000, 527)]) func leastCountToCertify(count: Int, least: Int) {
    #expect(Proportion(successes: least, count: count).lowerBound(failureProbability: 0.05) > 0.5)
    #expect(Proportion(successes: least - 1, count: count).lowerBound(failureProbability: 0.05) <= 0.5)
  }

  @Test func endsAreExact() {
    for count in [1, 7, 10_000] {
      let none = Proportion(successes: 0, count: count)
      let all = Proportion(successes: count, count: count)
      #expect(none.lowerBound(failureProbability: 0.05) == 0)
      #expect(all.upperBound(failureProbability: 0.05) == 1)
      #expect(
        isClose(all.lowerBound(failureProbability: 0.05), pow(0.05, 1 / Double(count)), relative: 1e-15))
      let mirrored = 1 - all.lowerBound(failureProbability: 0.05)
      #expect(isClose(none.upperBound(failureProbability: 0.05), mirrored, relative: 1e-11))
    }
    #expect(Proportion(successes: 0, count: 0).interval() == 0...1)
  }

  // The two intervals that the project's requirements state.
  @Test func description() {
    #expect("\(Proportion(successes: 34, count: 50))" == "34/50 = 68.0 % [53.3, 80.5]")
    #expect("\(Proportion(successes: 36, count: 50))" == "36/50 = 72.0 % [57.5, 83.8]")
    #expect("\(Proportion([true, false, true, true]))".hasPrefix("3/4 = 75.0 %"))
    #expect("\(Proportion(successes: 0, count: 0))" == "0/0")
  }

  // On either side of the mean, at it, and where outcomes of the other side tie with the observed one.
  @Test func binomialTests() throws {
    for row in try Reference().binomialTests {
      let p = Proportion(successes: Int(row[0]), count: Int(row[1])).twoSidedPValue(against: row[2])
      #expect(isClose(p, row[3], relative: 1e-11), "\(row)")
    }
    #expect(Proportion(successes: 0, count: 0).twoSidedPValue() == 1)
  }

  // The definition itself, with binomial coefficients from Pascal's triangle.
  @Test func binomialTestsByEnumeration() {
    for count in 1...12 {
      var coefficients = [1.0]
      for _ in 0..<count { coefficients = zip([0] + coefficients, coefficients + [0]).map(+) }
      for probability in [0.1, 0.3, 0.5, 0.8] {
        let likelihoods = (0...count).map {
          coefficients[$0] * pow(probability, Double($0)) * pow(1 - probability, Double(count - $0))
        }
        for k in 0...count {
          let expected = likelihoods.filter { $0 <= likelihoods[k] * (1 + 1e-7) }.reduce(0, +)
          let p = Proportion(successes: k, count: count).twoSidedPValue(against: probability)
          #expect(isClose(p, expected, relative: 1e-12), "\(k) of \(count) at \(probability)")
        }
      }
    }
  }
}

@Suite struct PairedTestsTests {
  @Test func student() throws {
    for row in try Reference().student {
      let student = StudentDistribution(degreesOfFreedom: row[1])
      #expect(isClose(student.cumulative(row[0]), row[2], relative: 1e-11), "\(row)")
      #expect(isClose(student.twoSidedTail(row[0]), row[3], relative: 1e-11), "\(row)")
    }
    #expect(StudentDistribution(degreesOfFreedom: 3).cumulative(-.infinity) == 0)
    #expect(StudentDistribution(degreesOfFreedom: 3).cumulative(.infinity) == 1)
  }

  @Test func pairedTTest() throws {
    let paired = try Reference().paired
    let test = PairedTTest(paired.first, paired.second)
    #expect(isClose(test.statistic, paired.statistic, relative: 1e-9))
    #expect(isClose(test.pValue, paired.pValue, relative: 1e-9))
    #expect(isClose(test.difference.mean, paired.meanDifference, relative: 1e-12))
    #expect(isClose(test.difference.standardDeviation, paired.standardDeviation, relative: 1e-9))
    #expect(PairedTTest([1, 2, 3], [1, 2, 3]).pValue == 1)
    #expect(PairedTTest([2, 3, 4], [1, 2, 3]).pValue == 0)
    #expect(isClose(PairedTTest(paired.second, paired.first).pValue, paired.pValue, relative: 1e-9))
  }

  // By hand: one-sided disagreement of 5 has 2/2⁵; 1 against 5 has 2 (1 + 6)/2⁶.
  @Test func mcNemar() {
    #expect(isClose(McNemarTest(onlyFirst: 0, onlySecond: 5).pValue, 0.0625, relative: 1e-13))
    #expect(isClose(McNemarTest(onlyFirst: 5, onlySecond: 1).pValue, 0.21875, relative: 1e-13))
    #expect(McNemarTest(onlyFirst: 4, onlySecond: 4).pValue == 1)
    #expect(McNemarTest(onlyFirst: 0, onlySecond: 0).pValue == 1)
    let test = McNemarTest(
      first: [true, true, false, false, true], second: [true, false, true, false, false])
    #expect(test == McNemarTest(onlyFirst: 2, onlySecond: 1))
  }

  // Sums of squares without a second pass lose all digits at this mean.
  @Test func summary() {
    let summary = Summary([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
    #expect(summary.mean == 1e9 + 10)
    #expect(isClose(summary.standardDeviation, 30.0.squareRoot(), relative: 1e-14))
    #expect(isClose(summary.standardError, 7.5.squareRoot(), relative: 1e-14))
    #expect(Summary([3]).standardDeviation.isNaN && Summary([]).mean.isNaN)
  }

  // scipy.stats.t.ppf 1.17 at 0.975 and 0.95: 1, 4 and 9 degrees of freedom.
  @Test func studentQuantiles() {
    let cases: [(Double, Double, Double)] = [
      (1, 0.05, 12.706204736174694), (4, 0.05, 2.7764451051977934), (9, 0.05, 2.262157162798205),
      (4, 0.1, 2.1318467863266495),
    ]
    for (degrees, probability, expected) in cases {
      let t = StudentDistribution(degreesOfFreedom: degrees).twoSidedQuantile(probability)
      #expect(isClose(t, expected, relative: 1e-9), "\(degrees)")
    }
    #expect(StudentDistribution(degreesOfFreedom: 3).twoSidedQuantile(1) == 0)
  }

  // Mean 10, s = √30, n = 4: 10 ± 3.1824463052837078 · √7.5.
  @Test func intervalOfTheMean() throws {
    let interval = try #require(Summary([4, 7, 13, 16]).interval())
    let width = 3.1824463052837078 * 7.5.squareRoot()
    #expect(isClose(interval.lowerBound, 10 - width, relative: 1e-9))
    #expect(isClose(interval.upperBound, 10 + width, relative: 1e-9))
    #expect(Summary([3]).interval() == nil && Summary([3, 3]).interval() == 3...3)
  }

  // scipy.stats.ttest_ind(equal_var=False) 1.17.
  @Test func welch() throws {
    let (first, second) = (Summary([4, 7, 13, 16]), Summary([1, 2, 2, 5, 3.5]))
    let test = try #require(WelchTTest(first, second))
    #expect(isClose(test.statistic, 2.5825543525218713, relative: 1e-9))
    #expect(isClose(test.degreesOfFreedom, 3.3939401994415217, relative: 1e-9))
    #expect(isClose(test.pValue, 0.07204498685118974, relative: 1e-9))
    #expect(WelchTTest(Summary([3]), second) == nil)
    #expect(WelchTTest(Summary([3, 3]), Summary([3, 3]))?.pValue == 1)
    #expect(WelchTTest(Summary([3, 3]), Summary([4, 4]))?.pValue == 0)
  }
}

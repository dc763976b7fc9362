import Foundation
import TensorCore
import Testing

/// Philox 4x32-10 written down once more from the paper, one block at a time: the vector kernels' reference.
private func philox(counter: [UInt32], key: UInt64) -> [UInt32] {
  var c = counter
  var (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(key >> 32))
  for _ in 0..<10 {
    let (p0, p1) = (c[0].multipliedFullWidth(by: 0xD251_1F53), c[2].multipliedFullWidth(by: 0xCD9E_8D57))
    c = [p1.high ^ c[1] ^ k0, p1.low, p0.high ^ c[3] ^ k1, p0.low]
    k0 &+= 0x9E37_79B9
    k1 &+= 0xBB67_AE85
  }
  return c
}

@Suite struct RandomTests {
  // The known answers of the Random123 distribution, tests/kat_vectors, philox4x32 with 10 rounds.
  @Test(
    arguments: [
      (
        [0, 0, 0, 0], 0, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
      ),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], 0xffff_ffff_ffff_ffff,
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], 0x299f_31d0_a409_3822,
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ] as [([UInt32], UInt64, [UInt32])])
  func knownAnswers(counter: [UInt32], key: UInt64, words: [UInt32]) {
    #expect(philox(counter: counter, key: key) == words)
    if counter == [0, 0, 0, 0] { #expect(RandomKey(seed: key).words(count: 4) == words) }
  }

  // Word i is word i mod 4 of block i / 4, whatever the lane in which the block was computed.
  @Test(arguments: [0, 1, 42, 0x299f_31d0_a409_3822, .max] as [UInt64]) func stream(seed: UInt64) {
    let blocks = (0..<101).map { philox(counter: [UInt32($0), 0, 0, 0], key: seed) }
    let words = blocks.flatMap { $0 }
    let key = RandomKey(seed: seed)
    for count in Array(0...70) + [403] { #expect(key.words(count: count) == Array(words.prefix(count))) }
    var source = RandomSource(key: key)
    // the source draws 64 blocks at a time
    #expect((0..<403).map { _ in source.nextWord() } == Array(words.prefix(403)))
    var pairs = RandomSource(key: key)
    #expect(pairs.next() == UInt64(words[0]) | UInt64(words[1]) << 32)
  }

  // FNV-1a-64 of "", "a" and "foobar" as Noll's reference page gives them, then one block whose third counter
  // word is 1 for labels and 2 for numbers.
  @Test(
    arguments: [
      ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
    ] as [(String, UInt64)])
  func labels(label: String, hash: UInt64) {
    let words = philox(counter: [UInt32(truncatingIfNeeded: hash), UInt32(hash >> 32), 1, 0], key: 77)
    #expect(RandomKey(seed: 77).derived(label).bits == UInt64(words[0]) | UInt64(words[1]) << 32)
  }

  @Test(arguments: [0, 1, 59_999, -1, 1 << 40]) func numbers(number: Int) {
    let bits = UInt64(bitPattern: Int64(number))
    let words = philox(counter: [UInt32(truncatingIfNeeded: bits), UInt32(bits >> 32), 2, 0], key: 77)
    #expect(RandomKey(seed: 77).derived(number).bits == UInt64(words[0]) | UInt64(words[1]) << 32)
  }

  @Test func keysDoNotMeet() {
    let key = RandomKey(seed: 0)
    let children = (0..<1000).map { key.derived($0).bits } + (0..<1000).map { key.derived("\($0)").bits }
    #expect(Set(children).count == 2000)
    #expect(key.derived("a").derived("b") != key.derived("b").derived("a"))
    #expect(key.derived(1).derived(2) != key.derived(2).derived(1))
  }

  // Draw i of a long tensor is draw i of a short one: every length up to 200, so every part of a vector of
  // blocks, and across the pool's tasks.
  @Test func prefixesAgree() {
    let key = RandomKey(seed: 9)
    for draw: (Shape) -> Tensor in [
      { .uniform(shape: $0, in: -2...3, key: key) },
      { .normal(shape: $0, mean: 1, standardDeviation: 2, key: key) },
      { .bernoulli(shape: $0, probability: 0.3, key: key) },
    ] {
      let long = draw([70_000])
      for n in 0...200 { #expect(PlainReference.sameBits(draw([n]), long[rows: 0..<n]), "\(n) draws") }
      #expect(PlainReference.sameBits(draw([32_769]), long[rows: 0..<32_769]))
      #expect(PlainReference.sameBits(draw([7, 10_000]).reshaped(to: [70_000]), long))
    }
  }

  // The top 24 bits of each word, times 2^−24.
  @Test func uniformDrawsAreTheTopBits() {
    let key = RandomKey(seed: 11)
    let expected = key.words(count: 1000).map { Float($0 >> 8) * 0x1p-24 }
    #expect(Tensor.uniform(shape: [1000], key: key).scalars == expected)
    let bits = Tensor.bernoulli(shape: [1000], probability: 0.3, key: key).scalars
    #expect(bits == expected.map { $0 < 0.3 ? 1 : 0 })
  }

  // Box–Muller in Double on the same words.
  @Test func normalDrawsAreBoxMuller() {
    let key = RandomKey(seed: 12)
    let u = key.words(count: 4000).map { Double($0 >> 8) * 0x1p-24 }
    let expected = stride(from: 0, to: 4000, by: 2).flatMap { i in
      let radius = (-2 * log(1 - u[i])).squareRoot()
      return [Float(radius * cos(2 * .pi * u[i + 1])), Float(radius * sin(2 * .pi * u[i + 1]))]
    }
    #expect(
      Tensor.normal(shape: [4000], key: key).mismatch(with: Tensor(expected), relativeToLargest: 1e-6) == nil)
    let moved = Tensor.normal(shape: [4000], mean: -3, standardDeviation: 0.5, key: key)
    #expect(moved.mismatch(with: 0.5 * Tensor(expected) - 3, relativeToLargest: 1e-6) == nil)
  }

  /// The largest distance between the draws' distribution and the given one. Kolmogorov: it exceeds
  /// `√(ln(2/α)/2n)` with probability at most α; all tests here take α = 10⁻⁶.
  private static func worstDistance(_ draws: [Float], _ distribution: (Double) -> Double) -> Double {
    let n = Double(draws.count)
    return draws.sorted().enumerated().reduce(0) { worst, draw in
      let p = distribution(Double(draw.element))
      return Swift.max(worst, abs(p - Double(draw.offset) / n), abs(p - Double(draw.offset + 1) / n))
    }
  }
  private static func allowedDistance(_ n: Int) -> Double { (log(2 / 1e-6) / (2 * Double(n))).squareRoot() }

  /// How far a mean of powers may lie from its expectation: 4.9 standard errors, which chance exceeds once in
  /// 10⁶.
  private static func isNear(_ mean: Double, _ expected: Double, deviation: Double, count: Int) -> Bool {
    abs(mean - expected) <= 4.9 * deviation / Double(count).squareRoot()
  }

  @Test func uniformDistribution() {
    let n = 100_000
    let draws = Tensor.uniform(shape: [n], in: -2...6, key: RandomKey(seed: 21)).scalars
    #expect(draws.allSatisfy { $0 >= -2 && $0 < 6 })
    let unit = draws.map { (Double($0) + 2) / 8 }
    #expect(Self.isNear(unit.reduce(0, +) / Double(n), 0.5, deviation: (1.0 / 12).squareRoot(), count: n))
    let squares = unit.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / Double(n)
    // E(u − ½)² = 1/12, its variance 1/80 − 1/144 = 1/180
    #expect(Self.isNear(squares, 1.0 / 12, deviation: (1.0 / 180).squareRoot(), count: n))
    #expect(Self.worstDistance(draws) { ($0 + 2) / 8 } <= Self.allowedDistance(n))
    // neighbours: E(u − ½)(v − ½) = 0, variance 1/144
    for gap in 1...5 {
      let products = (0..<(n - gap)).reduce(0.0) { $0 + (unit[$1] - 0.5) * (unit[$1 + gap] - 0.5) }
      #expect(Self.isNear(products / Double(n - gap), 0, deviation: 1.0 / 12, count: n - gap), "gap \(gap)")
    }
  }

  // In Float, low + width · u may round up to the excluded upper end.
  @Test func uniformNeverReachesItsUpperEnd() {
    let (tiny, one) = (Float.leastNonzeroMagnitude, Float(1))
    for range in [one...one.nextUp, -one...(-one.nextDown), 0...tiny, -tiny...0, 3...3.000001] {
      let draws = Tensor.uniform(shape: [2000], in: range, key: RandomKey(seed: 22)).scalars
      #expect(draws.allSatisfy { $0 >= range.lowerBound && $0 < range.upperBound }, "\(range)")
    }
    #expect(
      Tensor.uniform(shape: [5], in: 2...2, key: RandomKey(seed: 22)) == Tensor(repeating: 2, shape: [5]))
  }

  @Test func normalDistribution() {
    let n = 100_000
    let draws = Tensor.normal(shape: [n], key: RandomKey(seed: 23)).scalars
    func moment(_ power: Int) -> Double {
      draws.reduce(0) { $0 + pow(Double($1), Double(power)) } / Double(n)
    }
    // E xᵖ is 0, 1, 0, 3 and the variance of xᵖ is E x²ᵖ − (E xᵖ)²: 1, 2, 15, 96
    for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1, 2), (3, 0, 15), (4, 3, 96)] {
      #expect(
        Self.isNear(moment(power), expected, deviation: variance.squareRoot(), count: n),
        "power \(power): \(moment(power))")
    }
    #expect(Self.worstDistance(draws) { erfc(-$0 / 2.0.squareRoot()) / 2 } <= Self.allowedDistance(n))
    // the two draws of one Box–Muller pair, and their squares, are independent
    let pairs = stride(from: 0, to: n, by: 2).map { (Double(draws[$0]), Double(draws[$0 + 1])) }
    let product = pairs.reduce(0) { $0 + $1.0 * $1.1 } / Double(pairs.count)
    #expect(Self.isNear(product, 0, deviation: 1, count: pairs.count))
    let squares = pairs.reduce(0) { $0 + ($1.0 * $1.0 - 1) * ($1.1 * $1.1 - 1) } / Double(pairs.count)
    #expect(Self.isNear(squares, 0, deviation: 2, count: pairs.count))
  }

  // P(|x| > 3) = 0.0026998 and P(|x| > 4) = 6.334e-5; smoothing's certificates live in the tail.
  @Test func normalTail() {
    let n = 1_000_000
    let draws = Tensor.normal(shape: [n], key: RandomKey(seed: 24))
    for (bound, p) in [(Float(3), 0.002_699_796), (4, 6.334_248e-5)] {
      let share = Double((draws.absolute() .> Tensor(bound)).doubleSum()) / Double(n)
      #expect(
        Self.isNear(share, p, deviation: (p * (1 - p)).squareRoot(), count: n), "beyond \(bound): \(share)")
    }
    #expect(draws.absolute().max() <= 5.77)
    #expect(draws.isFinite)
  }

  @Test(arguments: [0.001, 0.1, 0.5, 0.9]) func bernoulliRate(probability: Double) {
    let n = 200_000
    let draws = Tensor.bernoulli(shape: [n], probability: Float(probability), key: RandomKey(seed: 25))
    let deviation = (probability * (1 - probability)).squareRoot()
    #expect(Self.isNear(draws.doubleSum() / Double(n), probability, deviation: deviation, count: n))
    #expect(draws.scalars.allSatisfy { $0 == 0 || $0 == 1 })
  }

  @Test func certainDraws() {
    #expect(Tensor.bernoulli(shape: [999], probability: 0, key: RandomKey(seed: 1)).sum() == 0)
    #expect(Tensor.bernoulli(shape: [999], probability: 1, key: RandomKey(seed: 1)).sum() == 999)
  }

  @Test func permutationsHoldEachNumberOnce() {
    for count in [0, 1, 2, 3, 64, 65, 1000, 60_000] {
      #expect(RandomKey(seed: 31).permutation(count: count).sorted() == Array(0..<count))
    }
    #expect(RandomKey(seed: 31).permutation(count: 50) == RandomKey(seed: 31).permutation(count: 50))
    #expect(RandomKey(seed: 31).permutation(count: 50) != RandomKey(seed: 32).permutation(count: 50))
  }

  // All 24 orders of four, equally likely: chi-square with 23 degrees of freedom exceeds 70.6 once in 10⁶. A
  // shuffle that swaps with any place (n^n ways) or never with itself is far beyond.
  @Test func permutationsAreUnbiased() {
    let key = RandomKey(seed: 33)
    var counts: [[Int]: Int] = [:]
    for i in 0..<12_000 { counts[key.derived(i).permutation(count: 4), default: 0] += 1 }
    let chiSquare = counts.values.reduce(0) { $0 + pow(Double($1) - 500, 2) / 500 }
    #expect(counts.count == 24)
    #expect(chiSquare <= 70.6, "\(chiSquare)")
  }

  // Of 3 · 2^30 numbers each third one would come twice as often without the rejection of surplus words.
  // Chi-square with 2 degrees of freedom exceeds 27.6 once in 10⁶.
  @Test func indicesAreUnbiased() {
    var source = RandomSource(key: RandomKey(seed: 34))
    var counts = [0, 0, 0]
    for _ in 0..<30_000 {
      let index = source.index(below: 3 << 30)
      #expect(index >= 0 && index < 3 << 30)
      counts[index % 3] += 1
    }
    #expect(counts.reduce(0) { $0 + pow(Double($1) - 10_000, 2) / 10_000 } <= 27.6, "\(counts)")
    #expect((0..<100).allSatisfy { _ in source.index(below: 1) == 0 })
  }

  @Test func sameDrawsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let key = RandomKey(seed: 41)
      let hashes = [1, 2, 4, 8].map { threads in
        ThreadPool.threadCount = threads
        return PlainReference.hash([
          .uniform(shape: [200_001], key: key), .normal(shape: [200_001], key: key),
          .bernoulli(shape: [200_001], probability: 0.25, key: key),
        ])
      }
      #expect(Set(hashes).count == 1)
    }
  }
}

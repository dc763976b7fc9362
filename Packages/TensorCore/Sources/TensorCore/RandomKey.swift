internal import CKernels

/// The name of a stream of random numbers: 64 bits, from which all draws and all child keys follow.
///
/// Numbers are counter-based (Philox 4x32-10: Salmon et al., SC 2011), so a result depends on the key alone, not
/// on what was drawn before or on which thread. Draw `i` is word `i mod 4` of block `i / 4`. Derive a key for each
/// purpose in the order seed, purpose, epoch, step, layer path, sample:
///
///     let key = RandomKey(seed: 42).derived("shuffle").derived(epoch)
public struct RandomKey: Hashable, Sendable {
  /// The 64 bits.
  public let bits: UInt64

  /// The key of a run's seed.
  public init(seed: UInt64) { bits = seed }

  private enum Purpose: UInt32 { case label = 1, number = 2 }

  // Draws use counters whose last two words are zero; children use a non-zero third word, so no child equals
  // a draw, and labels and numbers never meet.
  private func child(_ value: UInt64, _ purpose: Purpose) -> RandomKey {
    RandomKey(seed: ck_derived_key(bits, value, purpose.rawValue))
  }

  /// The key for a named purpose below this one (Philox over the FNV-1a-64 hash of the UTF-8).
  public func derived(_ label: String) -> RandomKey {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in label.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return child(hash, .label)
  }

  /// The key for a numbered item below this one: an epoch, a step, a sample.
  public func derived(_ number: Int) -> RandomKey { child(UInt64(bitPattern: Int64(number)), .number) }

  /// The first `count` 32-bit words of this key's stream.
  public func words(count: Int) -> [UInt32] {
    let blocks = (count + 3) / 4
    var words = [UInt32](repeating: 0, count: blocks * 4)
    ck_random_words(bits, 0, &words, blocks)
    return Array(words.prefix(count))
  }

  /// The numbers `0 ..< count` in random order, each order equally likely (Fisher–Yates; Lemire's multiply-shift
  /// with rejection picks without bias).
  public func permutation(count: Int) -> [Int] {
    precondition(count >= 0, "permutation: negative count \(count)")
    precondition(count <= Int(UInt32.max), "permutation: count \(count) is above 2^32 - 1")
    var order = Array(0..<count)
    var source = RandomSource(key: self)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, source.index(below: last + 1))
    }
    return order
  }
}

/// Draws one after the other from a key's stream, for code that needs them singly.
public struct RandomSource: RandomNumberGenerator {
  private let key: RandomKey
  private var block: UInt64 = 0
  private var words: [UInt32] = []
  private var used = 0

  /// A source at the start of the key's stream.
  public init(key: RandomKey) { self.key = key }

  /// The next 32-bit word.
  public mutating func nextWord() -> UInt32 {
    if used == words.count {
      words = [UInt32](repeating: 0, count: 256)
      ck_random_words(key.bits, block, &words, 64)
      block += 64
      used = 0
    }
    defer { used += 1 }
    return words[used]
  }

  /// The next 64 bits, for Swift's own random functions.
  public mutating func next() -> UInt64 { UInt64(nextWord()) | UInt64(nextWord()) << 32 }

  /// A number from `0 ..< bound`, all equally likely.
  public mutating func index(below bound: Int) -> Int {
    precondition(
      bound > 0 && bound <= Int(UInt32.max), "index(below:): bound \(bound) is outside 1 ... 2^32 - 1")
    let limit = UInt32(bound)
    let threshold = (0 &- limit) % limit
    while true {
      let product = UInt64(nextWord()) * UInt64(limit)
      if UInt32(truncatingIfNeeded: product) >= threshold { return Int(product >> 32) }
    }
  }
}

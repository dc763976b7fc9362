/// Which of many numbers are not 0, one bit each: number i is bit i mod 8, counted from the lowest, of byte i / 8.
struct BitMap: Sendable {
  let bytes: [UInt8]
  /// How many bits are 1.
  let count: Int

  init(bytes: [UInt8]) {
    self.bytes = bytes
    count = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
  }

  /// A map of `count` numbers.
  init(count: Int, isNonzero: (Int) -> Bool) {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount(count))
    for i in 0..<count where isNonzero(i) { bytes[i / 8] |= 1 << UInt8(i % 8) }
    self.init(bytes: bytes)
  }

  /// The bytes that a map of so many numbers has.
  static func byteCount(_ count: Int) -> Int { (count + 7) / 8 }

  subscript(i: Int) -> Bool { bytes[i / 8] >> UInt8(i % 8) & 1 == 1 }
}

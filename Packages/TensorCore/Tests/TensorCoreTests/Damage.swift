import Foundation
import TensorCore
import Testing

/// Damaged copies of files, the same in every run.
enum Damage {
  /// `count` copies of `data`, each with one byte changed.
  static func flips(of data: Data, count: Int) -> [Data] {
    var source = RandomSource(key: RandomKey(seed: 42).derived("damage"))
    return (0..<count).map { _ in
      var damaged = data
      damaged[damaged.startIndex + source.index(below: data.count)] ^= UInt8(1 + source.index(below: 255))
      return damaged
    }
  }

  /// Reads every truncation and 2,000 byte flips of a file: each must be read or refused with an
  /// `InputError`; anything else, a crash above all, fails.
  static func survives(_ data: Data, reading read: (Data) throws -> Void) {
    for damaged in (0..<data.count).map({ data.prefix($0) }) + flips(of: data, count: 2000) {
      do {
        try read(damaged)
      } catch {
        #expect(error is InputError)
      }
    }
  }
}

import Foundation
import TensorCore
import Testing

@Suite struct NPZFileTests {
  private func file(_ name: String) throws -> NPZFile {
    try NPZFile(contentsOf: FixtureFile.url("arrays/" + name))
  }

  // Every type in three layouts. Swapped bytes or axes, a lost sign and a wrong width all show.
  @Test(arguments: ["types.npz", "types-compressed.npz"], ["little", "big", "fortran"])
  func readsEveryType(name: String, layout: String) throws {
    let file = try file(name)
    #expect(file.names.count == 36)
    func expected(_ value: (Int) -> Float) -> Tensor {
      Tensor(shape: [2, 3, 4], scalars: (0..<24).map(value))
    }
    for type in NumberType.allCases where type != .bfloat16 {
      let array = try file.array(named: "\(type.rawValue)_\(layout)")
      #expect(array.type == type)
      let tensor = try array.tensor()
      switch type {
      case .bool: #expect(tensor == expected { $0 == 0 ? 0 : 1 })
      case .float16, .float32, .float64: #expect(tensor == expected { Float($0) / 4 - 1 })
      case .int8, .int16, .int32, .int64:
        #expect(tensor == expected { Float($0 - 7) })
        #expect(try array.integers() == IntTensor(shape: [2, 3, 4], scalars: (0..<24).map { $0 - 7 }))
      default:
        #expect(tensor == expected { Float($0) })
        #expect(try array.byteTensor() == ByteTensor(shape: [2, 3, 4], scalars: Array(0..<24)))
      }
    }
  }

  let arrays: [(name: String, array: NPYFile)] = [
    (name: "x", array: NPYFile(Tensor([[1, 2.5], [-3, 4]]))),
    (name: "folder/größe", array: NPYFile(IntTensor([7, -8]), as: .int64)),
    (name: "empty", array: NPYFile(ByteTensor(shape: [0], scalars: []))),
  ]

  @Test(arguments: [false, true]) func roundTrip(isCompressed: Bool) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("some.npz")
      try NPZFile.write(arrays, to: url, isCompressed: isCompressed)
      let read = try NPZFile(contentsOf: url)
      #expect(read.names == ["x", "folder/größe", "empty"])
      for (name, array) in arrays {
        let again = try read.array(named: name)
        #expect(again.type == array.type)
        #expect(again.data() == array.data())
      }
    }
  }

  @Test func anEmptyArchiveHasNoNames() throws {
    #expect(try NPZFile(data: NPZFile.data(of: []), name: "empty").names.isEmpty)
  }

  @Test func aMissingNameListsTheOthers() throws {
    let error = try inputError { _ = try file("types.npz").array(named: "weight") }
    #expect(error.kind == .missing)
    #expect(error.description.contains("36 arrays: bool_little, bool_big"))
    #expect(error.description.contains("…"))
  }

  // The directory says how large an array will be; nothing is decompressed before that is accepted.
  @Test func sizeLimit() throws {
    let data = try NPZFile.data(
      of: [(name: "zeros", array: NPYFile(Tensor.zeros(shape: [100_000])))], isCompressed: true)
    #expect(data.count < 2000)
    let read = try NPZFile(data: data, name: "bomb", sizeLimit: 400_000)
    #expect(try inputError { _ = try read.array(named: "zeros") }.kind == .outOfRange)
  }

  // Sizes and positions of 2³² − 1 in the directory mean that the real ones stand in the 64-bit fields.
  @Test func reads64BitSizes() throws {
    let array = NPYFile(Tensor([1, 2, 3]))
    let plain = try NPZFile.data(of: [(name: "x", array: array)])
    let localSize = 30 + 5 + array.data().count
    var directory = Array(plain[localSize..<(localSize + 51)])
    func set(_ offset: Int, _ value: UInt64, bytes: Int, in target: inout [UInt8]) {
      for i in 0..<bytes { target[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(i))) }
    }
    for offset in [20, 24, 42] { set(offset, .max, bytes: 4, in: &directory) }
    set(30, 28, bytes: 2, in: &directory)
    var extra = [UInt8](repeating: 0, count: 28)
    set(0, 1, bytes: 2, in: &extra)
    set(2, 24, bytes: 2, in: &extra)
    set(4, UInt64(array.data().count), bytes: 8, in: &extra)
    set(12, UInt64(array.data().count), bytes: 8, in: &extra)
    directory += extra
    var record = [UInt8](repeating: 0, count: 56)
    set(0, 0x0606_4b50, bytes: 4, in: &record)
    set(4, 44, bytes: 8, in: &record)
    set(24, 1, bytes: 8, in: &record)
    set(32, 1, bytes: 8, in: &record)
    set(40, UInt64(directory.count), bytes: 8, in: &record)
    set(48, UInt64(localSize), bytes: 8, in: &record)
    var locator = [UInt8](repeating: 0, count: 20)
    set(0, 0x0706_4b50, bytes: 4, in: &locator)
    set(8, UInt64(localSize + directory.count), bytes: 8, in: &locator)
    var end = [UInt8](repeating: 0xff, count: 22)
    set(0, 0x0605_4b50, bytes: 4, in: &end)
    set(20, 0, bytes: 2, in: &end)
    let wide = plain.prefix(localSize) + Data(directory + record + locator + end)
    #expect(try NPZFile(data: wide, name: "wide").array(named: "x").tensor() == Tensor([1, 2, 3]))
    Damage.survives(wide) { _ = try NPZFile(data: $0, name: "damaged").array(named: "x") }
  }

  // A changed byte of the contents must not become a changed number.
  @Test(arguments: [false, true]) func damageIsFound(isCompressed: Bool) throws {
    let data = try NPZFile.data(of: arrays, isCompressed: isCompressed)
    for length in 0..<data.count {
      #expect(throws: InputError.self) { try NPZFile(data: data.prefix(length), name: "cut") }
    }
    Damage.survives(data) { damaged in
      let read = try NPZFile(data: damaged, name: "damaged")
      for (name, array) in arrays where read.names.contains(name) {
        let contents = try read.array(named: name).data()
        #expect(contents == array.data())
      }
    }
  }

  @Test func damageToNumPysFilesNeverCrashes() throws {
    let data = try FixtureFile.data("arrays/types-compressed.npz")
    for damaged in Damage.flips(of: data, count: 300) {
      do {
        let read = try NPZFile(data: damaged, name: "damaged")
        for name in read.names { _ = try? read.array(named: name).tensor() }
      } catch {
        #expect(error is InputError)
      }
    }
  }

  // Two directory entries for the same bytes: how a small archive unfolds into a huge one.
  @Test func overlappingFilesAreRefused() throws {
    let one = try NPZFile.data(of: [(name: "x", array: NPYFile(Tensor([1])))])
    let localSize = one.count - 22 - 51
    let entry = one[localSize..<(localSize + 51)]
    var end = Array(one.suffix(22))
    (end[8], end[10], end[12]) = (2, 2, 102)
    let error = try inputError {
      _ = try NPZFile(data: one.prefix(localSize) + entry + entry + end, name: "twice")
    }
    #expect(error.found.contains("twice"))
    // Another name of the same length in both places of a copy that shares the contents.
    var other = Array(one.prefix(localSize))
    other[30] = UInt8(ascii: "y")
    var inner = Array(entry)
    inner[46] = UInt8(ascii: "y")
    // The first entry's contents are stretched over the second file.
    var outer = Array(entry)
    let size = UInt32(2 * localSize - 35)
    for i in 0..<4 {
      outer[20 + i] = UInt8(truncatingIfNeeded: size >> (8 * UInt32(i)))
      outer[24 + i] = outer[20 + i]
      inner[42 + i] = UInt8(truncatingIfNeeded: UInt32(localSize) >> (8 * UInt32(i)))
    }
    let start = UInt32(2 * localSize)
    for i in 0..<4 { end[16 + i] = UInt8(truncatingIfNeeded: start >> (8 * UInt32(i))) }
    let quoted = one.prefix(localSize) + Data(other) + Data(outer) + Data(inner) + Data(end)
    #expect(try inputError { _ = try NPZFile(data: quoted, name: "inside") }.found.contains("inside another"))
  }
}

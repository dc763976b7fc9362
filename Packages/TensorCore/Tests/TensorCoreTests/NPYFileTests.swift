import Foundation
import TensorCore
import Testing

@Suite struct NPYFileTests {
  let counting = Tensor(shape: [2, 3, 4], scalars: (0..<24).map { Float($0) })

  private func array(_ name: String) throws -> NPYFile {
    try NPYFile(contentsOf: FixtureFile.url("arrays/" + name))
  }

  // Byte for byte: what a viewer or another reader accepts from NumPy it accepts from here.
  @Test func writesWhatNumPyWrites() throws {
    let eighths = Tensor(shape: [2, 3, 4], scalars: (0..<24).map { Float($0) / 8 })
    let small = IntTensor([-2, -1, 0, 1, 2])
    #expect(try NPYFile(eighths).data() == FixtureFile.data("arrays/float32.npy"))
    #expect(try NPYFile(Tensor(2.5)).data() == FixtureFile.data("arrays/scalar.npy"))
    #expect(try NPYFile(Tensor.zeros(shape: [0, 3])).data() == FixtureFile.data("arrays/empty.npy"))
    #expect(try NPYFile(small, as: .int64).data() == FixtureFile.data("arrays/int64.npy"))
    #expect(try NPYFile(small).data() == FixtureFile.data("arrays/int32.npy"))
    let bytes = ByteTensor(shape: [2, 3, 4], scalars: Array(0..<24))
    #expect(try NPYFile(bytes).data() == FixtureFile.data("arrays/uint8.npy"))
  }

  @Test func reads() throws {
    #expect(try array("scalar.npy").tensor() == Tensor(2.5))
    #expect(try array("empty.npy").tensor().shape == [0, 3])
    #expect(try array("int64.npy").integers() == IntTensor([-2, -1, 0, 1, 2]))
    #expect(try array("int64.npy").type == .int64)
    #expect(try array("uint8.npy").byteTensor() == ByteTensor(shape: [2, 3, 4], scalars: Array(0..<24)))
  }

  // Version 1 has a header length of two bytes, the others of four.
  @Test(arguments: ["version2.npy", "version3.npy"]) func laterVersions(name: String) throws {
    #expect(try array(name).tensor() == counting)
  }

  @Test func writesFiles() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("new/array.npy")
      try NPYFile(counting).write(to: url)
      #expect(try NPYFile(contentsOf: url).tensor() == counting)
      #expect(
        try inputError { _ = try NPYFile(contentsOf: folder.appendingPathComponent("none.npy")) }.kind
          == .missing)
    }
  }

  @Test(
    arguments: [
      ("object.npy", "object array"), ("structured.npy", "structured"), ("complex.npy", "c16"),
      ("text.npy", "U2"),
    ])
  func otherTypesAreRefusedByName(name: String, words: String) throws {
    let error = try inputError { _ = try array(name) }
    #expect(error.kind == .unsupported)
    #expect(error.found.contains(words))
    #expect(error.subject == name)
  }

  private func file(header: String, body: [UInt8], version: UInt8 = 1) -> Data {
    let length = UInt16(header.utf8.count)
    return Data([0x93]) + Data("NUMPY".utf8) + Data([version, 0, UInt8(length & 255), UInt8(length >> 8)])
      + Data(header.utf8) + Data(body)
  }

  // Other writers use other spacing, quotes, key orders, and Python 2's long integers.
  @Test(
    arguments: [
      "{'descr':'<u2','fortran_order':False,'shape':(2,)}",
      "  {\"shape\" : ( 2 , ) ,\n \"fortran_order\":False, \"descr\": \"<u2\" , }\n",
      "{'shape': (2L,), 'fortran_order': True, 'descr': '=u2'}",
    ])
  func toleratesHeaders(header: String) throws {
    let read = try NPYFile(data: file(header: header, body: [1, 0, 2, 1]), name: "two")
    #expect(try read.integers() == IntTensor([1, 258]))
  }

  @Test(
    arguments: [
      "", "{", "{'descr': '<u2'}", "{'descr': '<u2', 'fortran_order': 0, 'shape': (2,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (-2,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (3,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904, 0)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      "{'descr': '<u2', 'descr': '<u2', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<u2', 'fortran_order': False, 'shape': (2,)} 7", "((((((((((((((((((((",
    ])
  func damagedHeaders(header: String) throws {
    let error = try inputError {
      _ = try NPYFile(data: file(header: header, body: [1, 0, 2, 1]), name: "two")
    }
    #expect(error.kind == .damaged)
  }

  @Test(arguments: ["|f4", "<f3", "u2", "<", "", "<<u2", ">V8", "<M8[ns]"])
  func unknownTypes(descr: String) throws {
    let header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (1,)}"
    let error = try inputError {
      _ = try NPYFile(data: file(header: header, body: [0, 0, 0, 0]), name: "one")
    }
    #expect(error.kind == .unsupported)
  }

  private func one(_ descr: String, _ body: [UInt8]) throws -> NPYFile {
    try NPYFile(
      data: file(header: "{'descr': '\(descr)', 'fortran_order': False, 'shape': (1,)}", body: body),
      name: "one")
  }

  // Silent wrapping or rounding would turn a label into another one.
  @Test func narrowingIsChecked() throws {
    let int64 = try one("<i8", [1, 0, 0, 1, 0, 0, 0, 0])  // 2²⁴ + 1
    #expect(try int64.integers() == IntTensor([16_777_217]))
    #expect(try inputError { _ = try int64.tensor() }.kind == .outOfRange)
    #expect(try inputError { _ = try int64.byteTensor() }.kind == .outOfRange)
    let wide = try one("<i8", [0, 0, 0, 0, 1, 0, 0, 0])  // 2³²
    #expect(try inputError { _ = try wide.integers() }.description.contains("4294967296"))
    #expect(try wide.tensor() == Tensor([4_294_967_296]))
    let minusOne = try one("|i1", [255])
    #expect(try minusOne.integers() == IntTensor([-1]))
    #expect(try inputError { _ = try minusOne.byteTensor() }.kind == .outOfRange)
  }

  @Test func doublesAreRoundedAndStayFinite() throws {
    #expect(try one("<f8", [0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f]).tensor() == Tensor([0.1]))
    #expect(try one("<f8", [0, 0, 0, 0, 0, 0, 0xf0, 0xff]).tensor() == Tensor([-.infinity]))
    #expect(try one("<f8", [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]).tensor().item.isNaN)
    let large = try one("<f8", [0, 0, 0, 0, 0, 0, 0, 0x50])
    #expect(try inputError { _ = try large.tensor() }.kind == .outOfRange)
    #expect(try inputError { _ = try large.integers() }.kind == .mismatch)
  }

  @Test(arguments: ["float32.npy", "int64.npy", "version3.npy", "structured.npy"])
  func damageNeverCrashes(name: String) throws {
    try Damage.survives(FixtureFile.data("arrays/" + name)) { damaged in
      let read = try NPYFile(data: damaged, name: "damaged")
      _ = try? read.tensor()
      _ = try? read.integers()
    }
  }

  @Test func everyTruncationIsFound() throws {
    let whole = try FixtureFile.data("arrays/float32.npy")
    for length in 0..<whole.count {
      #expect(throws: InputError.self) { try NPYFile(data: whole.prefix(length), name: "cut") }
    }
  }
}

import Foundation
import TensorCore
import Testing

@Suite struct SafeTensorsTests {
  let quarters = Tensor(shape: [2, 3], scalars: (0..<6).map { Float($0) / 4 - 1 })

  var written: SafeTensors {
    SafeTensors(
      entries: [
        "b.weight": .tensor(quarters),
        "a.weight": .tensor(Tensor([1, -2])),
        "Z": .tensor(Tensor([0.5])),
        "steps": .integers(IntTensor(shape: [], scalars: [1_234_567_890]), as: .int64),
        "labels": .integers(IntTensor([3, -1, 4]), as: .int32),
        "mask": .bytes(ByteTensor(shape: [5], scalars: [1, 0, 1, 1, 0])),
        "empty": .tensor(.zeros(shape: [0, 3])),
        "Größe \"n\"": .tensor(Tensor([7])),
      ],
      metadata: ["note": "line\nquote \" back \\ tab \t bell \u{7} é 🙂 /"])
  }

  // The reference implementation's file for the same contents, byte for byte: order of types and names,
  // escapes, padding.
  @Test func writesWhatTheReferenceWrites() throws {
    #expect(try written.data() == FixtureFile.data("arrays/written.safetensors"))
  }

  // safetensors 0.8.0 for the same arrays: signed bytes stand between wider integers and plain bytes.
  @Test func signedBytesAsTheReferenceWritesThem() throws {
    let file = SafeTensors(entries: [
      "a": .bytes(ByteTensor(shape: [2], scalars: [1, 2])),
      "z": .integers(IntTensor([-1, 2, -127]), as: .int8), "m": .integers(IntTensor([7]), as: .int32),
      "f": .tensor(Tensor([1])),
    ])
    let header =
      #"{"f":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"m":{"dtype":"I32","shape":[1],"#
      + #""data_offsets":[4,8]},"z":{"dtype":"I8","shape":[3],"data_offsets":[8,11]},"#
      + #""a":{"dtype":"U8","shape":[2],"data_offsets":[11,13]}}  "#
    let expected =
      Data([0xd8, 0, 0, 0, 0, 0, 0, 0]) + Data(header.utf8)
      + Data([0, 0, 0x80, 0x3f, 7, 0, 0, 0, 0xff, 2, 0x81, 1, 2])
    #expect(try file.data() == expected)
    #expect(try SafeTensors(data: expected, name: "reference") == file)
  }

  @Test func readsWhatTheReferenceWrote() throws {
    let read = try SafeTensors(contentsOf: FixtureFile.url("arrays/written.safetensors"))
    #expect(read == written)
    #expect(read.names == ["Größe \"n\"", "Z", "a.weight", "b.weight", "empty", "labels", "mask", "steps"])
  }

  @Test func readsEveryType() throws {
    let read = try SafeTensors(contentsOf: FixtureFile.url("arrays/types.safetensors"))
    #expect(read.metadata == ["format": "pt"])
    let counting = Array(0..<6)
    for name in ["float16", "bfloat16", "float32", "float64"] {
      #expect(try read.tensor(named: name, shape: [2, 3]) == quarters)
    }
    for name in ["int8", "int16", "int32", "int64"] {
      let expected = IntTensor(shape: [2, 3], scalars: counting.map { Int32($0 - 3) })
      let type: IntegerType = name == "int8" ? .int8 : name == "int64" ? .int64 : .int32
      #expect(read.entries[name] == .integers(expected, as: type))
    }
    for name in ["uint16", "uint32", "uint64"] {
      #expect(try read.integers(named: name).scalars == counting.map(Int32.init))
    }
    #expect(try read.bytes(named: "uint8") == ByteTensor(shape: [2, 3], scalars: counting.map(UInt8.init)))
    #expect(try read.bytes(named: "bool").scalars == [0, 1, 0, 1, 0, 1])
    #expect(try read.tensor(named: "scalar", shape: []) == Tensor(2.5))
    #expect(try read.tensor(named: "empty").shape == [0, 3])
  }

  @Test func aMissingNameListsTheOthers() throws {
    let read = try SafeTensors(contentsOf: FixtureFile.url("arrays/written.safetensors"))
    let error = try inputError { _ = try read.tensor(named: "c.weight") }
    #expect(error.kind == .missing)
    #expect(error.subject == "written.safetensors")
    #expect(error.found.contains("a.weight, b.weight"))
  }

  @Test func shapesAndKindsAreChecked() throws {
    #expect(
      try inputError { _ = try written.tensor(named: "a.weight", shape: [3]) }.description.contains("[3]"))
    #expect(try inputError { _ = try written.tensor(named: "labels") }.kind == .mismatch)
    #expect(try inputError { _ = try written.integers(named: "mask") }.kind == .mismatch)
    #expect(try inputError { _ = try written.bytes(named: "Z") }.kind == .mismatch)
  }

  @Test func writesFiles() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      try written.write(to: url)
      #expect(try SafeTensors(contentsOf: url).entries == written.entries)
      #expect(try SafeTensors(data: SafeTensors().data(), name: "nothing").entries.isEmpty)
    }
    #expect(throws: InputError.self) {
      try SafeTensors(entries: ["__metadata__": .tensor(Tensor(1))]).data()
    }
  }

  @Test func valuesThatCannotBeHeldAreRefused() throws {
    let huge = try inputError { _ = try SafeTensors(contentsOf: FixtureFile.url("arrays/huge.safetensors")) }
    #expect(huge.kind == .outOfRange && huge.description.contains("1099511627776"))
    let float8 = try inputError {
      _ = try SafeTensors(contentsOf: FixtureFile.url("arrays/float8.safetensors"))
    }
    #expect(float8.kind == .unsupported && float8.found == "F8_E4M3")
  }

  private func file(_ header: String, body: Int) -> Data {
    var length = UInt64(header.utf8.count).littleEndian
    return Data(bytes: &length, count: 8) + Data(header.utf8) + Data(count: body)
  }

  // Valid JSON of another spacing, order and escaping.
  @Test func toleratesOtherWriters() throws {
    let header = """
       { "\\u0061\\ud83d\\ude42" : { "shape" : [ 1 , 2 ] , "data_offsets" : [ 4 , 12 ] , "dtype" : "F32" } ,
      "b":{"data_offsets":[0,4],"dtype":"I32","shape":[]}, "__metadata__" : { } }
      """
    let read = try SafeTensors(data: file(header, body: 12), name: "other")
    #expect(read.names == ["a🙂", "b"])
    #expect(read.entries["a🙂"]?.shape == [1, 2])
  }

  @Test(
    arguments: [
      ("", 0), ("[]", 0), ("{", 0), ("{}", 1), ("{} x", 0),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}"#, 5),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, 4),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4),
      (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4),
      (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4),
      (#"{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, 4),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}"#, 0),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, 0),
      (#"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#, 4),
      (#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4),
      // Overlap, and the same name twice.
      (
        #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}}"#,
        5
      ),
      (
        #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"a":{"dtype":"U8","shape":[3],"data_offsets":[3,6]}}"#,
        6
      ),
      (#"{"__metadata__":{"a":1}}"#, 0), (#"{"__metadata__":{"a":"1","a":"2"}}"#, 0),
      (#"{"__metadata__":{"a":"\ud800"}}"#, 0),
      (#"{"__metadata__":{"a":"\u+123"}}"#, 0), (#"{"__metadata__":{"a":"\x"}}"#, 0),
    ])
  func contradictionsAreFound(header: String, body: Int) throws {
    #expect(
      try inputError { _ = try SafeTensors(data: file(header, body: body), name: "bad") }.kind == .damaged)
  }

  // A length of 2⁶⁴ − 1, and one above what readers accept.
  @Test(arguments: [UInt64.max, 1 << 63, 100_000_001, 9]) func longHeadersAreRefused(length: UInt64) throws {
    var length = length.littleEndian
    let data = Data(bytes: &length, count: 8) + Data("{}      ".utf8)
    #expect(try inputError { _ = try SafeTensors(data: data, name: "long") }.kind == .damaged)
  }

  @Test(arguments: ["types.safetensors", "written.safetensors"]) func damageNeverCrashes(name: String) throws
  {
    let data = try FixtureFile.data("arrays/" + name)
    for length in 0..<data.count {
      #expect(throws: InputError.self) { try SafeTensors(data: data.prefix(length), name: "cut") }
    }
    Damage.survives(data) { _ = try SafeTensors(data: $0, name: "damaged") }
  }
}

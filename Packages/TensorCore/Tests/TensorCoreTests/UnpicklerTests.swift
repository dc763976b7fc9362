import Foundation
import Testing

@testable import TensorCore

/// Against pickles that Python 3.11.7 and NumPy 2.4.6 wrote (Scripts/fixtures/make_pickle_fixtures.py).
@Suite struct UnpicklerTests {
  static func data(_ name: String) throws -> Data {
    try Data(
      contentsOf: #require(Bundle.module.url(forResource: "Fixtures/pickles/\(name)", withExtension: nil)))
  }

  static func value(_ name: String, by unpickler: Unpickler = Unpickler()) throws -> PickleValue {
    try unpickler.value(from: data(name), name: name)
  }

  static func array(_ value: PickleValue?) throws -> PickledArray {
    guard case .array(let array) = value else {
      throw InputError(.mismatch, "test", expected: "array", found: "none")
    }
    return array
  }

  // Protocol 0 is text, 2 writes bytes through _codecs.encode, 4 adds frames and MEMOIZE, 5 arrays from buffers:
  // all must say the same.
  @Test(arguments: [0, 2, 4, 5]) func arrays(pickleProtocol: Int) throws {
    let values = try Self.value("values-\(pickleProtocol).pkl")
    let bytes = try Self.array(values["bytes"])
    #expect(bytes.elementType == "|u1" && !bytes.isFortranOrder)
    #expect(
      try bytes.byteTensor(name: "bytes") == ByteTensor(shape: [2, 3], scalars: [0, 50, 100, 150, 200, 250]))
    // Read without regard to its order, this one would come out as 1 4 2 5 3 6.
    #expect(try Self.array(values["fortran"]).tensor() == Tensor([[1, 2, 3], [4, 5, 6]]))
    #expect(try Self.array(values["fortran"]).isFortranOrder)
    #expect(
      try Self.array(values["fortran3"]).integers(name: "fortran3")
        == IntTensor(shape: [2, 3, 4], scalars: (0..<24).map { Int32($0) }))
    #expect(try Self.array(values["big"]).integers(name: "big") == IntTensor([1, -2, 300]))
    #expect(try Self.array(values["labels"]).tensor() == Tensor([5, 0, -4, 1_099_511_627_776]))
    #expect(try Self.array(values["flags"]).tensor() == Tensor([1, 0]))
    #expect(try Self.array(values["empty"]).tensor().shape == [0, 3])
    #expect(try Self.array(values["scalar"]).tensor().item == 0.5)
    let shared = try #require(values["shared"]?.elements)
    #expect(try shared.map { try Self.array($0).tensor() } == [Tensor([1.5, -2.25]), Tensor([1.5, -2.25])])
  }

  @Test(arguments: [0, 2, 4, 5]) func plainValues(pickleProtocol: Int) throws {
    let values = try Self.value("values-\(pickleProtocol).pkl")
    #expect(values["text"]?.text == "caf\u{e9} \u{4e2d} \u{1f600} \\ \n'")
    guard case .bytes(let raw) = values["raw"], case .bytes(let nothing) = values["nothing"],
      case .some(.none) = values["none"]
    else {
      Issue.record("wrong kinds")
      return
    }
    #expect(Array(raw) == [0x00, 0xff, 0x27, 0x5c, 0x0a] && nothing.isEmpty)
    let integers = try #require(values["integers"]?.elements).map { value -> Int? in
      guard case .integer(let integer) = value else { return nil }
      return integer
    }
    #expect(integers == [0, 1, 255, 256, 65536, -1, -129, 1 << 31, -(1 << 31) - 1, Int.max, Int.min])
    let floats = try #require(values["floats"]?.elements).map { value -> Double? in
      guard case .real(let real) = value else { return nil }
      return real
    }
    #expect(floats == [0.1, -1e300, .infinity])
    guard case .tuple(let truth) = values["truth"], truth.count == 2, case .boolean(true) = truth[0],
      case .boolean(false) = truth[1]
    else {
      Issue.record("wrong truth values")
      return
    }
    let nested = try #require(values["nested"]?.elements)
    #expect(
      nested.map(\.kind) == [
        "a tuple", "a list", "a dictionary", "a tuple", "a tuple", "a tuple", "a dictionary",
      ])
    #expect(nested.map { $0.elements?.count ?? -1 } == [0, 0, -1, 1, 2, 4, -1])
    #expect(nested.last?["a"]?["b"]?.elements?.count == 1)
  }

  @Test func olderNames() throws {
    #expect(try Self.array(Self.value("numpy1.pkl")).tensor() == Tensor([1.5, -2.25]))
    let pair = try #require(try Self.value("python2.pkl").elements)
    #expect(try Self.array(pair[0]).tensor() == Tensor([[0, 0.25], [0.5, 255.0 / 256]]))
    #expect(try Self.array(pair[1]).integers(name: "labels") == IntTensor([7, 2]))
  }

  // Each must be refused in words that name the reason; os.system must never be reached.
  @Test(arguments: [
    ("call.pkl", "posix.system"), ("objects.pkl", "elements of type |O8"), ("records.pkl", "records"),
    ("complex.pkl", "c8"), ("large-integer.pkl", "9 bytes"), ("loop.pkl", "one that does"),
    ("ordered.pkl", "collections.OrderedDict"), ("persistent.pkl", "outside it"),
  ])
  func refusals(file: String, reason: String) throws {
    let error = #expect(throws: InputError.self) { try Self.value(file) }
    #expect(error?.kind == .unsupported && error?.subject == file)
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  // What a reader of PyTorch files adds: two arguments, no change here.
  @Test func allowedNamesAndPersistentIdentifiers() throws {
    let unpickler = Unpickler(alsoAllowing: ["collections.OrderedDict"], allowsPersistentIdentifiers: true)
    guard case .object(let ordered) = try Self.value("ordered.pkl", by: unpickler) else {
      Issue.record("no object")
      return
    }
    #expect(ordered.callable == "collections.OrderedDict" && ordered.arguments.isEmpty)
    #expect(ordered.entries.map(\.key.text) == ["b", "a"])
    guard case .list(let list) = try Self.value("persistent.pkl", by: unpickler),
      case .persistent(let identifier) = list.first
    else {
      Issue.record("no identifier")
      return
    }
    #expect(identifier.elements?.map(\.text) == ["storage", "x"])
  }

  // Opcodes by hand: 20,000 lists in one another, lists that double at each level (2^40 values if expanded), a
  // string said to be 4 GiB long, a loop of instructions without end, and values taken below a mark.
  @Test func hostileFiles() {
    let deep = Data(repeating: 0x5d, count: 20_000) + Data(repeating: 0x61, count: 19_999) + Data(".".utf8)
    // The outer list is made first here, so its depth grows after it is held.
    let topDown =
      Data("]q\0".utf8) + Data((0..<20_000).flatMap { _ in Array("]q\u{1}a0h\u{1}".utf8) })
      + Data("0h\0.".utf8)
    var doubling = Data("]q\u{0}".utf8)
    for level in 0..<40 {
      doubling += Data("]h".utf8) + [UInt8(level)] + Data("ah".utf8) + [UInt8(level)] + Data("aq".utf8)
      doubling += [UInt8(level + 1)]
    }
    doubling += Data(".".utf8)
    let long = Data("T".utf8) + [0xff, 0xff, 0xff, 0xff] + Data("x.".utf8)
    let below = Data("K\u{1}(0000.".utf8)
    for pickle in [
      deep, topDown, doubling, long, below, Data(), Data(".".utf8), Data("N".utf8), Data("NN.".utf8),
    ] {
      #expect(throws: InputError.self) { try Unpickler().value(from: pickle, name: "hostile") }
    }
    var limits = Unpickler.Limits()
    limits.instructions = 100
    #expect(throws: InputError.self) {
      try Unpickler(limits: limits).value(from: Data(repeating: 0x4e, count: 101), name: "long")
    }
  }

  @Test func truncationsAreRefused() throws {
    for file in ["values-0.pkl", "values-2.pkl", "values-4.pkl", "values-5.pkl", "python2.pkl"] {
      let data = try Self.data(file)
      for length in 0..<data.count {
        #expect(throws: InputError.self) { try Unpickler().value(from: data.prefix(length), name: file) }
      }
    }
  }

  // A flip inside an array's bytes is another valid pickle; anything but a value or an InputError fails.
  @Test(arguments: ["values-0.pkl", "values-2.pkl", "values-5.pkl", "python2.pkl"])
  func flippedBytesNeverCrash(file: String) throws {
    for damaged in Damage.flips(of: try Self.data(file), count: 2000) {
      do {
        let value = try Unpickler().value(from: damaged, name: file)
        for array in [value["bytes"], value["fortran3"], value.elements?.first].compactMap({ $0 }) {
          if case .array(let array) = array {
            _ = array.tensor()
            _ = try array.integers(name: file)
          }
        }
      } catch {
        #expect(error is InputError)
      }
    }
  }

  @Test func conversionsAreChecked() throws {
    let values = try Self.value("values-4.pkl")
    #expect(throws: InputError.self) { try Self.array(values["labels"]).integers(name: "labels") }
    #expect(throws: InputError.self) { try Self.array(values["big"]).byteTensor(name: "big") }
    #expect(throws: InputError.self) { try Self.array(values["fortran"]).integers(name: "fortran") }
  }
}

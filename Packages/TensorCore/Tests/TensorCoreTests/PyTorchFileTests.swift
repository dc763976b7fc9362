import Foundation
import TensorCore
import Testing

/// Against files that PyTorch 2.13.0 wrote (Scripts/fixtures/make_torch_file_fixtures.py).
@Suite struct PyTorchFileTests {
  private func weights(_ name: String) throws -> SafeTensors {
    try PyTorchFile(contentsOf: FixtureFile.url("torch/" + name)).weights
  }

  // A wrong width, sign or order of axes shows.
  @Test func everyType() throws {
    let weights = try weights("tensors.pt")
    let counting = (0..<24).map { Int32($0) }
    for name in ["float32", "float64", "float16", "bfloat16"] {
      #expect(
        try weights.tensor(named: name)
          == Tensor(shape: [2, 3, 4], scalars: counting.map { Float($0) / 4 - 1 }),
        "\(name)")
    }
    for name in ["int64", "int32", "int16", "int8"] {
      #expect(
        try weights.integers(named: name) == IntTensor(shape: [2, 3, 4], scalars: counting.map { $0 - 7 }),
        "\(name)")
    }
    #expect(
      try weights.bytes(named: "uint8") == ByteTensor(shape: [2, 3, 4], scalars: counting.map { UInt8($0) }))
    #expect(
      try weights.bytes(named: "bool")
        == ByteTensor(shape: [2, 3, 4], scalars: counting.map { $0 == 0 ? 1 : 0 }))
  }

  // Views: their offset and strides, not the storage's order. Expected by hand.
  @Test func views() throws {
    let weights = try weights("tensors.pt")
    let transposed = (0..<6).flatMap { row in (0..<4).map { Float($0 * 6 + row) } }
    #expect(try weights.tensor(named: "transposed") == Tensor(shape: [6, 4], scalars: transposed))
    #expect(try weights.tensor(named: "part") == Tensor([5, 6, 7, 8, 9, 10]))
    #expect(try weights.tensor(named: "stepped") == Tensor([2, 8, 14]))
    #expect(try weights.tensor(named: "repeated") == Tensor([[3, 4], [3, 4], [3, 4]]))
    #expect(try weights.tensor(named: "scalar") == Tensor(2.5))
    #expect(try weights.tensor(named: "empty").shape == [0, 3])
    #expect(try weights.tensor(named: "parameter") == Tensor([1, -2]))
    #expect(weights.names.count == 17 && weights.metadata.isEmpty)
  }

  // The state dict, and what else can be said in words.
  @Test func checkpoint() throws {
    let weights = try weights("checkpoint.pt")
    #expect(weights.names == ["weight"])
    #expect(try weights.tensor(named: "weight") == Tensor([[1, 2]]))
    #expect(
      weights.metadata == ["epoch": "42", "accuracy": "0.72", "name": "ResNetSmall", "best": "true"])
  }

  @Test(arguments: [
    ("call.pt", InputError.Kind.unsupported, "posix.system"), ("huge.pt", .unsupported, "[100000, 100000]"),
    ("mixed.pt", .unsupported, "epoch in mixed.pt"), ("list.pt", .mismatch, "a list"),
    ("old.pt", .unsupported, "1.6"),
  ])
  func refusals(file: String, kind: InputError.Kind, named: String) throws {
    let error = try inputError { _ = try weights(file) }
    #expect(error.kind == kind && "\(error)".contains(named), "\(error)")
    let missing = try inputError { _ = try PyTorchFile(contentsOf: FixtureFile.url("torch/none.pt")) }
    #expect(missing.kind == .missing)
  }

  // Storages and pickle by other numbers: bytes outside a storage would be read where a check is left out.
  @Test func damage() throws {
    let data = try FixtureFile.data("torch/checkpoint.pt")
    for damaged in Damage.flips(of: data, count: 2000)
      + stride(from: 0, to: data.count, by: 7).map({ data.prefix($0) })
    {
      do { _ = try PyTorchFile(data: damaged, name: "damaged.pt") } catch { #expect(error is InputError) }
    }
  }
}

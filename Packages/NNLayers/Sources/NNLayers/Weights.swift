import Foundation
import TensorCore

extension Layer {
  /// Parameters and buffers by name, as PyTorch's state dict has them, ready to write.
  public func weights(metadata: [String: String] = [:]) -> SafeTensors {
    var entries: [String: SafeTensors.Entry] = [:]
    for (name, parameter) in parameters { entries[name] = .tensor(parameter.value) }
    for (name, buffer) in buffers { entries[name] = .tensor(buffer) }
    for (name, counter) in counters {
      entries[name] = .integers(IntTensor(shape: [], scalars: [Int32(clamping: counter)]), as: .int64)
    }
    return SafeTensors(entries: entries, metadata: metadata)
  }

  /// Takes parameters and buffers from a file, strictly: every name must be there with its shape, and no other. Masks
  /// stay in force.
  ///
  /// - Throws: `InputError`: `.missing` or `.mismatch` naming the tensor. The model is then unchanged.
  public mutating func load(_ file: SafeTensors) throws {
    var loaded = self
    var known: Set<String> = []
    var failure: (any Error)?
    func fill(_ name: String, _ value: inout Tensor) {
      known.insert(name)
      do { value = try file.tensor(named: name, shape: value.shape) } catch { failure = failure ?? error }
    }
    loaded.visitParameters { name, parameter in fill(name, &parameter.value) }
    loaded.visitBuffers(fill)
    loaded.visitCounters { name, counter in
      known.insert(name)
      do { counter = Int(try file.integers(named: name, shape: []).scalars[0]) } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    if let stranger = file.names.first(where: { !known.contains($0) }) {
      throw InputError(
        .mismatch, "tensor \"\(stranger)\" in the weights",
        expected: "only \(known.sorted().joined(separator: ", "))",
        found: "a tensor that this model has not", remedy: "Load it into the architecture that saved it.")
    }
    self = loaded
  }

  /// Writes parameters, buffers and metadata to a safetensors file, whole or not at all.
  public func saveWeights(to url: URL, metadata: [String: String] = [:]) throws {
    try weights(metadata: metadata).write(to: url)
  }

  /// Takes parameters and buffers from a safetensors file, or from one that `torch.save` wrote (`.pt` or `.pth`: a state
  /// dict, or a checkpoint with one in it), strictly; returns its metadata.
  ///
  /// - Throws: `InputError`: a missing or damaged file, a missing, foreign or wrongly shaped tensor.
  @discardableResult
  public mutating func loadWeights(from url: URL) throws -> [String: String] {
    let isPyTorch = ["pt", "pth"].contains(url.pathExtension.lowercased())
    let file = try isPyTorch ? PyTorchFile(contentsOf: url).weights : SafeTensors(contentsOf: url)
    try load(file)
    return file.metadata
  }

  /// The SHA-256 of all parameters and buffers with their names, in walk order: equal for models equal bit by bit.
  public var weightsDigest: String {
    var hash = SHA256()
    for (name, parameter) in parameters {
      hash.update(name)
      hash.update(parameter.value)
    }
    for (name, buffer) in buffers {
      hash.update(name)
      hash.update(buffer)
    }
    for (name, counter) in counters { hash.update("\(name) \(counter)") }
    return hash.hexadecimal
  }
}

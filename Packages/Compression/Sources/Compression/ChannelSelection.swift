import NNLayers
import TensorCore

/// Channels that a model is to lose, as slices of its parameters and buffers.
public struct ChannelSelection: Sendable {
  /// All slices that go.
  public let removed: [ChannelSlice]

  /// How many slices of a parameter or buffer go, along one axis.
  public func count(of name: String, axis: Int = 0) -> Int {
    removed.count { $0.name == name && $0.axis == axis }
  }

  /// The model as it was, with masks over everything that goes: the same sizes and the small model's answers.
  public func masked<Model: Layer>(_ model: Model) -> Model {
    let removed = Dictionary(grouping: removed, by: \.name)
    var copy = model
    copy.visitParameters { name, parameter in
      guard let slices = removed[name] else { return }
      let shape = parameter.value.shape
      var mask = parameter.mask ?? .ones(shape: shape)
      mask.withUnsafeMutableBufferPointer { mask in
        for slice in slices {
          let (outer, length, inner) = shape.split(around: slice.axis)
          for i in 0..<outer {
            let start = (i * length + slice.index) * inner
            mask[start..<(start + inner)].update(repeating: 0)
          }
        }
      }
      parameter.setMask(mask)
    }
    return copy
  }

  /// The model without what goes: parameters, masks and buffers are smaller, the type is the same.
  ///
  /// - Precondition: the model's layers take their sizes from their parameters, as those of NNLayers do.
  public func shrunk<Model: Layer>(_ model: Model) -> Model {
    let removed = Dictionary(grouping: removed, by: \.name)
    var copy = model
    copy.visitParameters { name, parameter in
      guard let slices = removed[name] else { return }
      let mask = parameter.mask
      parameter.setMask(nil)
      parameter.value = Self.without(slices, parameter.value)
      parameter.setMask(mask.map { Self.without(slices, $0) })
    }
    copy.visitBuffers { name, buffer in
      if let slices = removed[name] { buffer = Self.without(slices, buffer) }
    }
    return copy
  }

  private static func without(_ slices: [ChannelSlice], _ tensor: Tensor) -> Tensor {
    func kept(_ axis: Int) -> [Int] {
      let gone = Set(slices.filter { $0.axis == axis }.map(\.index))
      return (0..<tensor.shape[axis]).filter { !gone.contains($0) }
    }
    let rows = tensor.gathered(rows: kept(0))
    if tensor.rank == 1 { return rows }
    let swap = [1, 0] + Array(2..<tensor.rank)
    return rows.permuted(swap).gathered(rows: kept(1)).permuted(swap)
  }
}

extension Layer {
  /// Takes weights from a file as `load` does, and their sizes too: for a model that has lost channels since it was made.
  ///
  /// - Throws: as `load`; a tensor may differ from this model's in its sizes but not in its number of axes. The model is then
  ///   unchanged.
  public mutating func load(resizing file: SafeTensors) throws {
    var resized = self
    func fit(_ name: String, _ value: inout Tensor) {
      guard let shape = file.entries[name]?.shape, shape.rank == value.rank else { return }
      value = .zeros(shape: shape)
    }
    resized.visitParameters { name, parameter in
      parameter.setMask(nil)
      fit(name, &parameter.value)
    }
    resized.visitBuffers(fit)
    try resized.load(file)
    self = resized
  }
}

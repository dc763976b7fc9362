import NNLayers
import TensorCore

extension Parameter {
  /// How many weights the mask removes.
  public var prunedCount: Int { mask.map { value.count - Int($0.doubleSum()) } ?? 0 }
}

extension Layer {
  /// Sets masks by parameter name; what is not named keeps its own.
  ///
  /// - Precondition: every name is a parameter's, and each mask fits.
  public mutating func setMasks(_ masks: some Sequence<(String, Tensor)>) {
    var left = Dictionary(uniqueKeysWithValues: masks.map { ($0, $1) })
    visitParameters { name, parameter in
      if let mask = left.removeValue(forKey: name) { parameter.setMask(mask) }
    }
    precondition(left.isEmpty, "setMasks: no parameter is called \(left.keys.sorted())")
  }

  /// This model under the masks of another one of the same architecture; where that one has none, there is none.
  ///
  /// Rewinds a lottery ticket: `initial.masked(as: pruned)` has the masks that training found and the weights that it began
  /// with; `fresh.masked(as: pruned)`, drawn from another key, is its control.
  ///
  /// Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", ICLR 2019.
  ///
  /// - Precondition: both have the same parameters.
  public func masked<Other: Layer>(as other: Other) -> Self {
    let masks = other.parameters.map { ($0.name, $0.parameter.mask) }
    precondition(
      masks.map(\.0) == parameters.map(\.name),
      "masked(as:): parameters \(parameters.map(\.name)) and \(masks.map(\.0))")
    let known = Dictionary(uniqueKeysWithValues: masks)
    var copy = self
    copy.visitParameters { name, parameter in parameter.setMask(known[name] ?? nil) }
    return copy
  }

  /// Masks every weight that is 0 now, for a model whose pruned weights came from a file.
  ///
  /// - Parameter includes: of which parameters; the default takes those of rank 2 or more.
  public mutating func maskZeros(where includes: ParameterGroup.Condition = ParameterGroup.isWeight) {
    visitParameters { name, parameter in
      if includes(name, parameter) { parameter.setMask(parameter.value .!= Tensor(0)) }
    }
  }

  /// Takes all masks off; the zeros stay until something trains them. Makes pruning permanent after fine-tuning.
  public mutating func removeMasks() { visitParameters { _, parameter in parameter.setMask(nil) } }
}

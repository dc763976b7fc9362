import AutoDiffLite
import TensorCore

/// What a model consists of: its layers as a tree, with sizes and costs. `Layer.summary` makes one, and its description
/// is a table.
///
///     print(SimpleCNN(key: key).summary(input: [3, 32, 32]))
///
/// It follows from one forward pass and the walk over the parameters, so no layer has to describe itself.
public struct ModelSummary: Sendable {
  /// A layer that ran under a name, or the model itself.
  public struct Row: Sendable, Hashable {
    /// As in the parameters' names, `layer2.0.shortcut`; empty for the model itself.
    public let name: String
    /// The layer's type, `Convolution`; empty where the model ran a closure.
    public let kind: String
    /// The output's shape for one sample, without the batch.
    public let outputShape: Shape
    /// How many numbers the layer's own parameters hold, without those of layers inside it that have a row.
    public let parameterCount: Int
    /// How many products of a weight and a number one sample costs in this layer itself: for a convolution
    /// `outputs · rows · columns · inputs/groups · kernel`, for a linear layer `outputs · inputs`, for others 0.
    public let multiplyAdds: Int

    /// How many layers this one is inside of; the model itself has 0.
    public var depth: Int { name.isEmpty ? 0 : name.split(separator: ".").count }
  }

  /// The model, then its layers in the order in which they begin to run.
  public let rows: [Row]
  /// How many numbers the parameters hold, pruned and frozen ones included.
  public let parameterCount: Int
  /// How many of them training changes.
  public let trainableParameterCount: Int
  /// The bytes of all parameters, buffers and counters: four a number, eight a counter.
  public let byteCount: Int

  /// What one sample costs in all convolutions and linear layers.
  public var multiplyAdds: Int { rows.reduce(0) { $0 + $1.multiplyAdds } }
  /// The bytes of parameters, buffers and counters in units of 2²⁰.
  public var mebibytes: Double { Double(byteCount) / 0x1p20 }

  init(of model: some Layer, input: Shape) {
    let pass = Pass.tracing()
    let output = model(Variable(.zeros(shape: input.inserting(axis: 0))), in: pass)
    let visits =
      [Pass.Visit(name: "", layer: model, shape: output.shape, position: -1)]
      + pass.seen.sorted { $0.position < $1.position }
    let parameters = model.parameters
    let owners = Self.owners(of: parameters.map(\.name), among: visits.map(\.name))
    var known: Set<String> = []
    rows = visits.map { visit in
      let shape = visit.shape.removing(axis: 0)
      let own = zip(parameters, owners).filter { $0.1 == visit.name }.map(\.0.parameter.value)
      // A layer that runs twice has its parameters once, and costs their products twice.
      let isFirst = known.insert(visit.name).inserted
      return Row(
        name: visit.name, kind: visit.layer.map { "\(type(of: $0))" } ?? "", outputShape: shape,
        parameterCount: isFirst ? own.reduce(0) { $0 + $1.count } : 0,
        multiplyAdds: own.reduce(0) { $0 + Self.multiplyAdds(weight: $1.shape, output: shape) })
    }
    parameterCount = model.parameterCount
    trainableParameterCount = parameters.reduce(0) {
      $0 + ($1.parameter.isTrainable ? $1.parameter.value.count : 0)
    }
    byteCount =
      4 * (parameterCount + model.buffers.reduce(0) { $0 + $1.value.count }) + 8 * model.counters.count
  }

  /// For each parameter, the row with the longest name that begins the parameter's.
  private static func owners(of parameters: [String], among rows: [String]) -> [String] {
    let rows = Set(rows)
    return parameters.map { name in
      var path = name
      while let dot = path.lastIndex(of: ".") {
        path = String(path[..<dot])
        if rows.contains(path) { return path }
      }
      return ""
    }
  }

  // A weight that every output position is multiplied with: [outputs, inputs] under an output [outputs], or [outputs,
  // inputs, rows, columns] under [outputs, rows, columns]. Factors and offsets of a normalisation have fewer axes.
  private static func multiplyAdds(weight: Shape, output: Shape) -> Int {
    guard weight.rank == output.rank + 1, weight.rank >= 2, weight[0] == output[0] else { return 0 }
    return weight.count * output.dimensions.dropFirst().reduce(1, *)
  }
}

extension Layer {
  /// The model's layers, sizes and costs, from one pass in evaluation mode.
  ///
  /// - Parameter input: the shape of one sample, without the batch: `[3, 32, 32]`.
  public func summary(input: Shape) -> ModelSummary { ModelSummary(of: self, input: input) }
}

extension ModelSummary: CustomStringConvertible {
  /// A table with one line a layer, drawn as a tree, and the totals below it.
  public var description: String {
    let heading = ["layer", "kind", "output", "parameters", "multiply-adds"]
    let cells =
      rows.indices.map { index in
        let row = rows[index]
        return [
          branch(index) + (row.name.split(separator: ".").last.map(String.init) ?? "model"), row.kind,
          row.outputShape.description, row.parameterCount == 0 ? "" : Self.grouped(row.parameterCount),
          row.multiplyAdds == 0 ? "" : Self.grouped(row.multiplyAdds),
        ]
      }
    let lines = alignedColumns([heading] + cells, leading: 3)
    let size = (mebibytes * 10_000).rounded() / 10_000
    return
      (lines + [
        "\(Self.grouped(parameterCount)) parameters, \(Self.grouped(trainableParameterCount)) of them trainable; "
          + "\(size) MiB with buffers; \(Self.grouped(multiplyAdds)) multiply-adds a sample"
      ]).joined(separator: "\n")
  }

  // The tree's lines before a row: a bar for every ancestor with more children to come.
  private func branch(_ index: Int) -> String {
    let depth = rows[index].depth
    guard depth > 0 else { return "" }
    func hasMore(at level: Int) -> Bool {
      for row in rows[(index + 1)...] {
        if row.depth < level { return false }
        if row.depth == level { return true }
      }
      return false
    }
    let bars = (1..<depth).map { hasMore(at: $0) ? "│  " : "   " }
    return bars.joined() + (hasMore(at: depth) ? "├─ " : "└─ ")
  }

  private static func grouped(_ number: Int) -> String {
    var text = ""
    for (place, digit) in String(number).reversed().enumerated() {
      if place > 0 && place % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}

import NNLayers
import TensorCore

/// Finds which channels of a model go together, from the operations of its plan.
///
/// Channels of the input and the output stay; so do those that meet an operation of which nothing is known, a convolution in
/// groups, a reshape other than `Flatten`, or numbers that are no parameter.
struct DependencyGraph {
  private var classes = DisjointSets()
  private var frozen: Set<Int> = []
  // For each slot, the slices that belong to it.
  private var slices: [Int: [ChannelSlice]] = [:]
  // For each parameter's axis the slot of each index: a layer that runs twice has one.
  private var slots: [String: [Int]] = [:]
  private let shapes: [(name: String, shape: Shape)]

  init<Model: Layer>(of model: Model, sample: Shape) {
    shapes =
      model.parameters.map { ($0.name, $0.parameter.value.shape) }
      + model.buffers.map { ($0.name, $0.value.shape) }
    let (operations, output) = model.operations(for: sample)
    var results: [[Int]] = []
    for operation in operations { results.append(follow(operation, results)) }
    freeze(results[output])
  }

  /// The channels that may be removed, in the order in which the operations make them.
  func groups() -> [ChannelGroup] {
    // Channels belong to one group where a parameter makes them side by side.
    var groups = classes
    for (key, slots) in slots where key.hasSuffix("/0") {
      for slot in slots { groups.unite(slots[0], slot) }
    }
    let frozen = Set(frozen.map(classes.root))
    var members: [Int: [ChannelSlice]] = [:]
    var order: [Int] = []
    for slot in slices.keys.sorted() where !frozen.contains(classes.root(slot)) {
      let root = classes.root(slot)
      if members[root] == nil { order.append(root) }
      members[root, default: []] += slices[slot]!
    }
    var byGroup: [Int: [[ChannelSlice]]] = [:]
    var groupOrder: [Int] = []
    for root in order {
      let group = groups.root(root)
      if byGroup[group] == nil { groupOrder.append(group) }
      byGroup[group, default: []].append(members[root]!)
    }
    return groupOrder.map { ChannelGroup(channels: byGroup[$0]!) }
  }

  /// The slots of an operation's result, one for each index of its first axis.
  private mutating func follow(_ operation: LayerOperation, _ results: [[Int]]) -> [Int] {
    let inputs = operation.inputs.map { results[$0] }
    let count = operation.shape.rank > 0 ? operation.shape[0] : 1
    switch operation.kind {
    case .convolution(let weight, let groups):
      if groups != 1 { break }
      return product(operation.layer, weight, inputs[0])
    case .linear(let weight):
      return product(operation.layer, weight, inputs[0])
    case .affine:
      for (name, shape) in own(operation.layer) where shape == [count] {
        attach(name, axis: 0, to: inputs[0])
      }
      return inputs[0]
    case .channelwise:
      return inputs[0]
    case .sum:
      for (a, b) in zip(inputs[0], inputs[1]) { classes.unite(a, b) }
      return inputs[0]
    case .reshape:
      // joined axes: each channel becomes a run of features
      if operation.shape.rank == 1 && count % inputs[0].count == 0 {
        let run = count / inputs[0].count
        return (0..<count).map { inputs[0][$0 / run] }
      }
    case .input, .other:
      break
    }
    for slots in inputs { freeze(slots) }
    let result = classes.newSets(count)
    freeze(result)
    return result
  }

  // A weight whose columns read the operand's channels and whose rows, with the bias, make new ones.
  private mutating func product(_ layer: String, _ weight: Shape, _ input: [Int]) -> [Int] {
    let result = classes.newSets(weight[0])
    let own = own(layer)
    let weights = own.filter { $0.shape == weight }
    if weights.isEmpty {
      freeze(input)
      freeze(result)
    }
    for (name, _) in weights {
      attach(name, axis: 0, to: result)
      attach(name, axis: 1, to: input)
    }
    for (name, shape) in own where shape == [weight[0]] { attach(name, axis: 0, to: result) }
    return result
  }

  private mutating func attach(_ name: String, axis: Int, to channels: [Int]) {
    let key = "\(name)/\(axis)"
    if let known = slots[key] {
      for (a, b) in zip(known, channels) { classes.unite(a, b) }
      return
    }
    slots[key] = channels
    for (index, slot) in channels.enumerated() {
      slices[slot, default: []].append(ChannelSlice(name: name, axis: axis, index: index))
    }
  }

  private mutating func freeze(_ channels: [Int]) { frozen.formUnion(channels) }

  // The parameters and buffers of a layer itself, not of layers inside it.
  private func own(_ layer: String) -> [(name: String, shape: Shape)] {
    let prefix = layer.isEmpty ? "" : layer + "."
    return shapes.filter { $0.name.hasPrefix(prefix) && !$0.name.dropFirst(prefix.count).contains(".") }
  }
}

/// Numbers from 0 on, in sets that can be united.
private struct DisjointSets {
  private var parents: [Int] = []

  /// As many new sets of one number each.
  mutating func newSets(_ count: Int) -> [Int] {
    let first = parents.count
    parents += first..<(first + count)
    return Array(first..<(first + count))
  }

  /// The number that stands for a number's set: its smallest.
  func root(_ number: Int) -> Int {
    var number = number
    while parents[number] != number { number = parents[number] }
    return number
  }

  mutating func unite(_ a: Int, _ b: Int) {
    let (a, b) = (root(a), root(b))
    parents[max(a, b)] = min(a, b)
  }
}

import Foundation

/// Turns the machine's table of containers into one value, bounded in depth and in size, without cycles.
struct PickleAssembly {
  private struct Finished {
    let value: PickleValue
    /// Levels of nesting, and values with shared ones counted at each place.
    let depth: Int
    let count: Int
  }

  private let containers: [PickleMachine.Container]
  private let limits: Unpickler.Limits
  private let name: String
  private var finished: [Finished?]
  private var isOpen: [Bool]

  init(containers: [PickleMachine.Container], limits: Unpickler.Limits, name: String) {
    self.containers = containers
    self.limits = limits
    self.name = name
    finished = Array(repeating: nil, count: containers.count)
    isOpen = Array(repeating: false, count: containers.count)
  }

  mutating func value(of item: PickleMachine.Item) throws -> PickleValue {
    try assembled(item, level: 0).value
  }

  private mutating func assembled(_ item: PickleMachine.Item, level: Int) throws -> Finished {
    guard case .container(let number) = item else {
      guard case .value(let value) = item else { return Finished(value: .none, depth: 0, count: 1) }
      return Finished(value: value, depth: 0, count: 1)
    }
    if let done = finished[number] {
      try check(depth: level + done.depth, count: done.count)
      return done
    }
    guard !isOpen[number] else {
      throw InputError(
        .unsupported, name, expected: "values that do not contain themselves", found: "one that does")
    }
    try check(depth: level + 1, count: 1)
    isOpen[number] = true
    let container = containers[number]
    var depth = 0
    var count = 1
    var parts: [PickleValue] = []
    parts.reserveCapacity(container.items.count)
    for item in container.items + container.entries + (container.state.map { [$0] } ?? []) {
      let part = try assembled(item, level: level + 1)
      depth = max(depth, part.depth)
      count += part.count
      try check(depth: level + 1 + depth, count: count)
      parts.append(part.value)
    }
    let value = try interpreted(container, parts)
    let done = Finished(value: value, depth: depth + 1, count: count)
    finished[number] = done
    isOpen[number] = false
    return done
  }

  private func check(depth: Int, count: Int) throws {
    guard depth <= limits.depth, count <= limits.values else {
      throw InputError(
        .unsupported, name, expected: "at most \(limits.depth) levels and \(limits.values) values",
        found: depth > limits.depth ? "deeper nesting" : "more values")
    }
  }

  /// The value of a container whose items, entries and state, in this order, have these values.
  private func interpreted(_ container: PickleMachine.Container, _ parts: [PickleValue]) throws -> PickleValue
  {
    let items = Array(parts.prefix(container.items.count))
    let flat = Array(parts[items.count..<(items.count + container.entries.count)])
    let entries = stride(from: 0, to: flat.count, by: 2).map {
      PickleEntry(key: flat[$0], value: flat[$0 + 1])
    }
    switch container.kind {
    case .list: return .list(items)
    case .tuple: return .tuple(items)
    case .dictionary: return .dictionary(entries)
    case .persistent: return .persistent(items[0])
    case .call(let callable):
      let object = PickledObject(
        callable: callable, arguments: items, state: container.state == nil ? nil : parts.last,
        entries: entries)
      return try NumPyPickle.value(of: object, name: name) ?? .object(object)
    }
  }
}

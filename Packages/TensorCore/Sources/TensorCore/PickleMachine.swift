import Foundation

/// Runs a pickle's instructions on a stack of inert items.
///
/// Lists, dictionaries and calls may be changed after something already holds them, so they live in one table
/// and are referred to by number. That also means that no nesting, however deep, is ever freed recursively.
struct PickleMachine {
  /// A finished plain value, or the number of a container.
  enum Item {
    case value(PickleValue)
    case container(Int)
  }

  struct Container {
    enum Kind { case list, tuple, dictionary, call(String), persistent }
    let kind: Kind
    /// Elements, or the arguments of a call.
    var items: [Item] = []
    /// Keys and values in turn.
    var entries: [Item] = []
    /// What `__setstate__` would get.
    var state: Item?
  }

  private(set) var containers: [Container] = []
  private let unpickler: Unpickler
  private var cursor: PickleCursor
  private var stack: [Item] = []
  private var marks: [Int] = []
  private var memo: [Int: Item] = [:]

  init(unpickler: Unpickler, cursor: PickleCursor) {
    self.unpickler = unpickler
    self.cursor = cursor
  }

  /// Runs until the stop instruction and returns the one item left.
  mutating func run() throws -> Item {
    for _ in 0..<unpickler.limits.instructions {
      let at = cursor.position
      let byte = try cursor.integer(UInt8.self)
      guard let instruction = PickleInstruction(rawValue: byte) else {
        throw InputError(
          .unsupported, cursor.name, expected: "the pickle instructions of plain data",
          found: "instruction 0x\(String(byte, radix: 16)) at byte \(at)")
      }
      if instruction == .stop {
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw cursor.damaged("values left over at its end") }
        guard cursor.position == cursor.bytes.count else {
          throw cursor.damaged("\(cursor.bytes.count - cursor.position) bytes behind its end")
        }
        return result
      }
      try execute(instruction)
    }
    throw InputError(
      .unsupported, cursor.name,
      expected: "a pickle of at most \(unpickler.limits.instructions) instructions",
      found: "a longer one")
  }

  private mutating func execute(_ instruction: PickleInstruction) throws {
    switch instruction {
    case .stop: break
    case .mark: marks.append(stack.count)
    case .pop:
      // A mark on top is an item of its own here, as in CPython.
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .duplicate: stack.append(try top())
    case .proto:
      let version = try cursor.integer(UInt8.self)
      guard version <= 5 else {
        throw InputError(
          .unsupported, cursor.name, expected: "pickle protocol 0 to 5", found: "protocol \(version)")
      }
    case .frame:
      guard try cursor.integer(UInt64.self) <= UInt64(cursor.bytes.count - cursor.position) else {
        throw cursor.damaged("a frame longer than the file")
      }

    case .get: try recall(cursor.decimal())
    case .getByte: try recall(Int(cursor.integer(UInt8.self)))
    case .getLong: try recall(Int(cursor.integer(UInt32.self)))
    case .put: memo[try cursor.decimal()] = try top()
    case .putByte: memo[Int(try cursor.integer(UInt8.self))] = try top()
    case .putLong: memo[Int(try cursor.integer(UInt32.self))] = try top()
    case .memoize: memo[memo.count] = try top()

    case .emptyTuple: push(.tuple, [])
    case .tuple: push(.tuple, try popToMark())
    case .tuple1: push(.tuple, try pop(1))
    case .tuple2: push(.tuple, try pop(2))
    case .tuple3: push(.tuple, try pop(3))
    case .emptyList: push(.list, [])
    case .list: push(.list, try popToMark())
    case .append: try append([pop()])
    case .appends: try append(popToMark())
    case .emptyDictionary: push(.dictionary, [])
    case .dictionary:
      let entries = try popToMark()
      push(.dictionary, [])
      try assign(entries)
    case .setItem: try assign(pop(2))
    case .setItems: try assign(popToMark())

    case .global:
      let module = try cursor.textLine()
      try pushGlobal(module: module, name: cursor.textLine())
    case .stackGlobal:
      let parts = try pop(2)
      guard case .value(.string(let module)) = parts[0], case .value(.string(let name)) = parts[1] else {
        throw cursor.damaged("a name that is no text")
      }
      try pushGlobal(module: module, name: name)
    case .reduce: try call()
    case .build: try setState()
    case .persistentID: try pushPersistent(.value(.string(cursor.textLine())))
    case .binPersistentID: try pushPersistent(pop())
    default: stack.append(.value(try plainValue(instruction)))
    }
  }

  private mutating func plainValue(_ instruction: PickleInstruction) throws -> PickleValue {
    switch instruction {
    case .newTrue: return .boolean(true)
    case .newFalse: return .boolean(false)
    case .int:
      let text = try cursor.textLine()
      if text == "00" || text == "01" { return .boolean(text == "01") }
      guard let value = Int(text) else { throw cursor.damaged("\"\(text.prefix(40))\" as an integer") }
      return .integer(value)
    case .binInt: return .integer(Int(try cursor.integer(Int32.self)))
    case .binInt1: return .integer(Int(try cursor.integer(UInt8.self)))
    case .binInt2: return .integer(Int(try cursor.integer(UInt16.self)))
    case .long: return .integer(try cursor.decimal())
    case .long1: return .integer(try cursor.integer(width: Int(cursor.integer(UInt8.self))))
    case .long4: return .integer(try cursor.integer(width: Int(cursor.integer(Int32.self))))
    case .float:
      let text = try cursor.textLine()
      guard let value = Double(text) else { throw cursor.damaged("\"\(text.prefix(40))\" as a float") }
      return .real(value)
    case .binFloat: return .real(Double(bitPattern: try cursor.integer(UInt64.self).byteSwapped))
    case .string: return .bytes(try cursor.quotedBytes())
    case .binString, .binBytes: return .bytes(cursor.slice(try cursor.take(countedBy: UInt32.self)))
    case .shortBinString, .shortBinBytes: return .bytes(cursor.slice(try cursor.take(countedBy: UInt8.self)))
    case .binBytes8, .byteArray8: return .bytes(cursor.slice(try cursor.take(countedBy: UInt64.self)))
    case .unicode: return .string(try cursor.escapedText())
    case .binUnicode: return .string(try cursor.utf8(cursor.take(countedBy: UInt32.self)))
    case .shortBinUnicode: return .string(try cursor.utf8(cursor.take(countedBy: UInt8.self)))
    case .binUnicode8: return .string(try cursor.utf8(cursor.take(countedBy: UInt64.self)))
    default: return .none
    }
  }

  // Nothing below the last mark may be taken.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws -> Item {
    guard stack.count > floor, let item = stack.last else {
      throw cursor.damaged("an instruction without its value")
    }
    return item
  }

  private mutating func pop() throws -> Item {
    let item = try top()
    stack.removeLast()
    return item
  }

  private mutating func pop(_ count: Int) throws -> [Item] {
    guard stack.count - floor >= count else { throw cursor.damaged("an instruction without its values") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws -> [Item] {
    guard let mark = marks.popLast() else { throw cursor.damaged("an instruction without its mark") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func push(_ kind: Container.Kind, _ items: [Item]) {
    stack.append(.container(containers.count))
    containers.append(Container(kind: kind, items: items))
  }

  private mutating func recall(_ number: Int) throws {
    guard let item = memo[number] else {
      throw cursor.damaged("a reference to memo \(number), which is not set")
    }
    stack.append(item)
  }

  private mutating func append(_ items: [Item]) throws {
    guard case .container(let target) = try top(), case .list = containers[target].kind else {
      throw cursor.damaged("elements added to what is no list")
    }
    containers[target].items += items
  }

  private mutating func assign(_ entries: [Item]) throws {
    guard entries.count % 2 == 0 else { throw cursor.damaged("a key without a value") }
    guard case .container(let target) = try top() else {
      throw cursor.damaged("a key set in what is no dictionary")
    }
    switch containers[target].kind {
    case .dictionary, .call: containers[target].entries += entries
    default: throw cursor.damaged("a key set in what is no dictionary")
    }
  }

  private mutating func pushGlobal(module: String, name: String) throws {
    let full = "\(module).\(name)"
    guard unpickler.allowedGlobals.contains(full) else {
      throw InputError(
        .unsupported, cursor.name, expected: "a pickle of arrays and plain values",
        found: "the Python name \(full.prefix(200))",
        remedy: "Save the arrays as .npz or .safetensors instead.")
    }
    stack.append(.value(.global(full)))
  }

  private mutating func call() throws {
    let parts = try pop(2)
    guard case .value(.global(let name)) = parts[0], case .container(let arguments) = parts[1],
      case .tuple = containers[arguments].kind
    else { throw cursor.damaged("a call without a name and a tuple") }
    push(.call(name), containers[arguments].items)
  }

  private mutating func setState() throws {
    let state = try pop()
    guard case .container(let target) = try top(), case .call = containers[target].kind,
      containers[target].state == nil
    else { throw cursor.damaged("a state for what takes none") }
    containers[target].state = state
  }

  private mutating func pushPersistent(_ identifier: Item) throws {
    guard unpickler.allowsPersistentIdentifiers else {
      throw InputError(
        .unsupported, cursor.name, expected: "a pickle that is complete in itself",
        found: "a reference to data outside it")
    }
    push(.persistent, [identifier])
  }
}

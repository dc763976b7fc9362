import TensorCore

/// A tensor in a computation: its value, and, unless it is a constant, its place on the tape.
///
/// Operations on variables are carried out at once; where an operand is not a constant they also record how to
/// pass a gradient back. Constants record nothing, so a gradient with respect to an input never computes one for a
/// weight that is a constant.
///
///     let slope = gradient(at: x) { ($0 * $0).sum() }   // 2x
public struct Variable {
  /// The result of the forward computation.
  public let value: Tensor
  let node: Node?

  /// A constant: no gradient flows into it.
  public init(_ value: Tensor) {
    self.value = value
    node = nil
  }

  /// A scalar constant.
  public init(_ value: Float) { self.init(Tensor(value)) }

  private init(_ value: Tensor, _ node: Node) {
    self.value = value
    self.node = node
  }

  /// A start of the tape: gradients can be asked for with respect to it.
  public static func leaf(_ value: Tensor) -> Variable { Variable(value, Node("leaf", value.shape, .none)) }

  /// Whether gradients flow into this variable.
  public var isConstant: Bool { node == nil }

  /// The lengths of the axes.
  public var shape: Shape { value.shape }

  /// The same value as a constant: gradients stop here.
  public func stoppingGradient() -> Variable { Variable(value) }

  /// Records an operation with one input: the way to add a differentiable operation or to replace a gradient.
  ///
  ///     extension Variable {
  ///       /// Rounds; the gradient passes straight through.
  ///       func rounded() -> Variable { .recorded("rounded", round(value), from: self) { dy in dy } }
  ///     }
  ///
  /// - Parameters:
  ///   - name: the operation, for messages.
  ///   - value: its result.
  ///   - input: what it was computed from.
  ///   - gradient: the upstream gradient, shaped as `value`, to the gradient with respect to `input`. It may have the
  ///     shape that `input` was broadcast to: the engine sums the broadcast away.
  public static func recorded(
    _ name: String, _ value: Tensor, from input: Variable, gradient: @escaping (Tensor) -> Tensor
  ) -> Variable {
    guard let source = input.node else { return Variable(value) }
    return Variable(value, Node(name, value.shape, .separate([Edge(source: source, gradient: gradient)])))
  }

  /// Records an operation with several inputs, each with its own gradient, computed only when that input is not a
  /// constant.
  public static func recorded(
    _ name: String, _ value: Tensor, from inputs: (Variable, gradient: (Tensor) -> Tensor)...
  ) -> Variable {
    var edges: [Edge] = []
    for (input, gradient) in inputs {
      if let source = input.node { edges.append(Edge(source: source, gradient: gradient)) }
    }
    return edges.isEmpty ? Variable(value) : Variable(value, Node(name, value.shape, .separate(edges)))
  }

  /// Records an operation whose gradients share work: one closure gives them all.
  ///
  /// - Parameter gradients: the upstream gradient, and for each input whether its gradient is wanted; returns one
  ///   entry an input, nil where it was not wanted.
  public static func recorded(
    _ name: String, _ value: Tensor, from inputs: [Variable],
    jointly gradients: @escaping (_ upstream: Tensor, _ wanted: [Bool]) -> [Tensor?]
  ) -> Variable {
    let sources = inputs.map(\.node)
    if sources.allSatisfy({ $0 == nil }) { return Variable(value) }
    return Variable(value, Node(name, value.shape, .joint(sources, gradients)))
  }

  /// Notes that this operation's result is rectified, max(0, ·): `ReLUGradient.guided` stops negative gradients here. A
  /// recorded operation that joins a ReLU to something else says so; one composed of others need not.
  public func endingInReLU(_ isRectified: Bool = true) -> Variable {
    node?.isRectified = isRectified
    return self
  }
}

/// One input of a recorded operation and how a gradient passes back to it.
struct Edge {
  let source: Node
  let gradient: (Tensor) -> Tensor
}

/// A recorded operation.
final class Node {
  enum Rule {
    case none
    case separate([Edge])
    case joint([Node?], (Tensor, [Bool]) -> [Tensor?])
  }

  let name: String
  let shape: Shape
  let isLeaf: Bool
  /// Whether the operation ends in a ReLU.
  var isRectified = false
  var rule: Rule
  var gradient: Tensor?
  /// Uses of this node's value that have not yet sent their gradient; meaningful during a backward pass.
  var pendingUses = 0

  init(_ name: String, _ shape: Shape, _ rule: Rule) {
    self.name = name
    self.shape = shape
    self.rule = rule
    if case .none = rule { isLeaf = true } else { isLeaf = false }
  }

  // Without this, the end of a tape that was never passed back would free its nodes one inside the other, and a deep
  // graph would overflow the stack.
  deinit {
    var waiting = sources
    rule = .none
    while var node = waiting.popLast() {
      guard isKnownUniquelyReferenced(&node) else { continue }
      waiting += node.sources
      node.rule = .none
    }
  }

  var sources: [Node] {
    switch rule {
    case .none: []
    case .separate(let edges): edges.map(\.source)
    case .joint(let nodes, _): nodes.compactMap { $0 }
    }
  }

  func accumulate(_ part: Tensor, from operation: String) {
    precondition(
      shape.broadcast(with: part.shape) == part.shape,
      "\(operation): a gradient of shape \(part.shape) for an input of shape \(shape)")
    let fitting = part.summed(to: shape)
    if gradient == nil { gradient = fitting } else { gradient! += fitting }
  }
}

import TensorCore

/// How a gradient passes back through the ReLUs of a tape.
public enum ReLUGradient: Sendable, Hashable {
  /// The derivative: dy where the ReLU's output is positive, else 0.
  case derivative
  /// max(dy, 0) where the ReLU's output is positive, else 0: no gradient, but a picture of what supports a result.
  ///
  /// Source: Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR 2015
  /// workshop.
  case guided
}

extension Variable {
  /// The gradients of this variable with respect to leaves, as tensors of the leaves' shapes.
  ///
  /// The tape behind this variable is released on the way, so a second call gives zeros.
  ///
  /// - Parameters:
  ///   - leaves: made by `Variable.leaf`; a leaf that this variable does not depend on gets zeros.
  ///   - upstream: the factor of each element of this variable; 1 if left out, which needs a single element.
  ///   - rule: how ReLUs pass gradients back, also those joined to another operation.
  /// - Precondition: `upstream` has this variable's shape.
  public func gradients(
    withRespectTo leaves: [Variable], upstream: Tensor? = nil, throughReLUs rule: ReLUGradient = .derivative
  ) -> [Tensor] {
    let nodes = leaves.map { leaf in
      guard let node = leaf.node else {
        preconditionFailure(
          "gradients: a constant of shape \(leaf.shape) has no gradient; make it with Variable.leaf")
      }
      precondition(
        node.isLeaf,
        "gradients: the result of \(node.name), shape \(leaf.shape), is no leaf; make it with Variable.leaf")
      return node
    }
    let reached = runBackward(upstream: upstream, releasing: true, throughReLUs: rule)
    // All leaves are emptied, not only those asked for: nothing of this pass may show in the next one.
    defer { for node in reached { node.gradient = nil } }
    return nodes.map { $0.gradient ?? .zeros(shape: $0.shape) }
  }

  /// Passes the gradient back and leaves it in the leaves, which it returns.
  func runBackward(
    upstream: Tensor?, releasing: Bool, throughReLUs gates: ReLUGradient = .derivative
  ) -> [Node] {
    if upstream == nil {
      precondition(
        value.count == 1, "gradients: expected a single element, got shape \(shape); give `upstream`")
    }
    let seed = upstream ?? .ones(shape: shape)
    precondition(seed.shape == shape, "gradients: upstream \(seed.shape) for a variable of shape \(shape)")
    guard let root = node else { return [] }
    countUses(from: root)
    root.gradient = seed
    // A node is ready once every use of its value has sent a gradient: the order is the graph's, never the
    // machine's, so sums add up in the same order each time.
    var ready = [root]
    var leaves: [Node] = []
    while let node = ready.popLast() {
      guard case let rule = node.rule, var dy = node.gradient else { continue }
      // The operation's own gradient does the rest: it is 0 where the ReLU's output is.
      if gates == .guided && node.isRectified { dy = dy.relu() }
      var sent: [Node] = []
      switch rule {
      case .none:
        leaves.append(node)
        continue
      case .separate(let edges):
        for edge in edges {
          edge.source.accumulate(edge.gradient(dy), from: node.name)
          sent.append(edge.source)
        }
      case .joint(let sources, let gradients):
        let parts = gradients(dy, sources.map { $0 != nil })
        precondition(
          parts.count == sources.count, "\(node.name): \(parts.count) gradients for \(sources.count) inputs")
        for (source, part) in zip(sources, parts) {
          guard let source else { continue }
          guard let part else { preconditionFailure("\(node.name): no gradient for an input that wants one") }
          source.accumulate(part, from: node.name)
          sent.append(source)
        }
      }
      node.gradient = nil
      if releasing { node.rule = .none }
      for source in sent {
        source.pendingUses -= 1
        if source.pendingUses == 0 { ready.append(source) }
      }
    }
    return leaves
  }

  private func countUses(from root: Node) {
    root.pendingUses = 0
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var stack = [root]
    while let node = stack.popLast() {
      for source in node.sources {
        if seen.insert(ObjectIdentifier(source)).inserted {
          source.pendingUses = 0
          source.gradient = nil
          stack.append(source)
        }
        source.pendingUses += 1
      }
    }
  }
}

/// The value of a scalar function and its gradient at `x`.
///
/// - Precondition: the function returns a single element.
public func valueAndGradient(
  at x: Tensor, _ function: (Variable) -> Variable
) -> (value: Float, gradient: Tensor) {
  let leaf = Variable.leaf(x)
  let result = function(leaf)
  let gradient = result.gradients(withRespectTo: [leaf])[0]
  return (result.value.item, gradient)
}

/// The gradient of a scalar function at `x`, shaped as `x`.
///
/// - Precondition: the function returns a single element.
public func gradient(at x: Tensor, _ function: (Variable) -> Variable) -> Tensor {
  valueAndGradient(at: x, function).gradient
}

/// The product of any upstream gradient with the function's Jacobian at `x`; may be called many times.
///
///     let pull = pullback(at: x) { $0.softmax() }
///     pull(Tensor([[1, 0, 0]]))   // the gradient of the first probability
public func pullback(at x: Tensor, _ function: (Variable) -> Variable) -> (Tensor) -> Tensor {
  let leaf = Variable.leaf(x)
  let result = function(leaf)
  return { upstream in
    let reached = result.runBackward(upstream: upstream, releasing: false)
    defer { for node in reached { node.gradient = nil } }
    return leaf.node?.gradient ?? .zeros(shape: x.shape)
  }
}

import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore

/// `logits = x · weightᵀ + bias`, as a user writes a classifier of their own.
struct LinearModel: Classifier {
  var weight: Tensor
  var bias: Tensor
  var inputRange: ClosedRange<Float> = -Float.infinity...Float.infinity

  /// A model drawn from N(0, 1).
  init(classes: Int, inputs: Int, key: RandomKey) {
    weight = .normal(shape: [classes, inputs], standardDeviation: 1, key: key.derived("weight"))
    bias = .normal(shape: [classes], standardDeviation: 1, key: key.derived("bias"))
  }

  /// Two classes with the scores 0 and w·x.
  init(score: [Float], inputRange: ClosedRange<Float> = -Float.infinity...Float.infinity) {
    weight = Tensor([[Float](repeating: 0, count: score.count), score])
    bias = .zeros(shape: [2])
    self.inputRange = inputRange
  }

  func logits(_ x: Variable) -> Variable { x.linear(weight: Variable(weight), bias: Variable(bias)) }

  var margins: LinearMargins { LinearMargins(weight: weight, bias: bias) }
  var rows: [[Double]] { (0..<weight.shape[0]).map { weight[row: $0].scalars.map(Double.init) } }

  /// The scores in `Double`, computed apart from the code under test.
  var scores: ([Double]) -> [Double] {
    let (rows, bias) = (rows, bias.scalars.map(Double.init))
    return { x in
      zip(rows, bias).map { row, b in
        var sum = b
        for i in x.indices { sum += row[i] * x[i] }
        return sum
      }
    }
  }
}

/// The logits are the input: predictions can be read off.
struct Transparent: Classifier {
  var inputRange: ClosedRange<Float> = 0...1
  func logits(_ x: Variable) -> Variable { x }
}

/// Returns what it was given.
struct Replacing<Allowed: Budget>: Attack {
  var budget: Allowed
  var result: Tensor
  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
    result
  }
  var description: String { "replacing" }
}

extension Batch {
  /// Samples with the numbers `first`, `first + 1`, ….
  init(_ inputs: Tensor, labels: [Int], first: Int = 0) {
    self.init(inputs: inputs, labels: IntTensor(labels), indices: labels.indices.map { $0 + first })
  }
}

/// The norm of a change for each ball, in `Double`, computed apart from the code under test.
func norm(_ change: [Double], _ kind: VectorNorm) -> Double {
  switch kind {
  case .lInf: change.map(abs).max() ?? 0
  case .l2: change.reduce(0) { $0 + $1 * $1 }.squareRoot()
  case .l1: change.reduce(0) { $0 + abs($1) }
  }
}
func norm(_ change: Tensor, _ kind: VectorNorm) -> Double {
  norm(change.scalars.map(Double.init), kind)
}

/// The ball of a norm, so that one test covers all three.
func ball(_ kind: VectorNorm, radius: Float) -> any Budget {
  switch kind {
  case .lInf: LInfBall(radius: radius)
  case .l2: L2Ball(radius: radius)
  case .l1: L1Ball(radius: radius)
  }
}

/// A model whose logits are computed row by row in the same way, wherever the row stands: bits can be compared between
/// batches of any size. `logitₖ = Σᵢ tanh(xᵢ wₖᵢ)`.
struct Rowwise: Classifier {
  var weight: Tensor
  var inputRange: ClosedRange<Float> = 0...1

  init(classes: Int, inputs: Int, key: RandomKey) {
    weight = .normal(shape: [classes, inputs], standardDeviation: 2, key: key)
  }

  func logits(_ x: Variable) -> Variable { (x.expanded(axis: 1) * Variable(weight)).tanh().sum(alongAxis: 2) }
}

/// A model of flat inputs that sees images.
struct OnImages<Inner: Classifier>: Classifier {
  var inner: Inner
  var inputRange: ClosedRange<Float> { inner.inputRange }
  func logits(_ x: Variable) -> Variable { inner.logits(x.flattened()) }
}

/// Points around three corners of a square in the middle of [0, 1]²: three classes that overlap a little.
struct Clouds: BatchSource {
  let inputs: Tensor
  let labels: IntTensor

  init(count: Int, seed: UInt64 = 57) {
    let classes = (0..<count).map { $0 % 3 }
    var points = Tensor.normal(
      shape: [count, 2], mean: 0.3, standardDeviation: 0.1, key: RandomKey(seed: seed))
    for (i, label) in classes.enumerated() where label > 0 { points[i, label - 1] += 0.4 }
    inputs = points.clamped(to: 0...1)
    labels = IntTensor(classes)
  }

  var count: Int { labels.count }
  var inputShape: Shape { [2] }
  var classCount: Int { 3 }
  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }

  /// A perceptron that has learned these points.
  func trained() throws -> LayerClassifier<MLP> {
    let key = RandomKey(seed: 58)
    var state = TrainingState(model: MLP(widths: [2, 32, 3], key: key), optimizer: Adam(learningRate: 0.01))
    try TrainingLoop(epochs: 8, batchSize: 20, key: key).run(&state, on: self)
    return LayerClassifier(state.model)
  }
}

/// A goal that is asked about whole batches only.
struct Whole<Wanted: Goal>: Goal {
  let goal: Wanted
  func isReached(_ logits: Tensor) -> [Bool] { goal.isReached(logits) }
  func objective(_ logits: Variable) -> Variable { goal.objective(logits) }
}

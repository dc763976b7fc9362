import AutoDiffLite
import TensorCore

/// Cross-entropy of logits against labels, averaged over the batch, with PyTorch's label smoothing and class weights.
///
///     loss = Σᵢ Σⱼ qᵢⱼ (−log pᵢⱼ) / Σᵢ w_labelᵢ,   qᵢⱼ = wⱼ ((1 − s) [j = labelᵢ] + s / k)
///
/// Without weights and smoothing this is the mean of −log pᵢ,labelᵢ.
public struct CrossEntropy: Sendable, Hashable {
  /// The share s of the target spread evenly over all k classes, 0 to 1.
  public var labelSmoothing: Float
  /// One factor a class; nil weighs all alike.
  public var classWeights: [Float]?

  /// A loss.
  ///
  /// - Precondition: 0 ≤ labelSmoothing ≤ 1; weights are not negative.
  public init(labelSmoothing: Float = 0, classWeights: [Float]? = nil) {
    precondition(
      labelSmoothing >= 0 && labelSmoothing <= 1,
      "CrossEntropy: labelSmoothing \(labelSmoothing) is outside 0...1")
    precondition(classWeights?.allSatisfy { $0 >= 0 } ?? true, "CrossEntropy: a class weight is negative")
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
  }

  /// `[n, k]` logits and `[n]` labels to a scalar.
  public func callAsFunction(_ logits: Variable, labels: IntTensor) -> Variable {
    if labelSmoothing == 0 && classWeights == nil { return logits.crossEntropy(labels: labels).mean() }
    precondition(logits.shape.rank == 2, "CrossEntropy: expected [n, k] logits, got \(logits.shape)")
    let classes = logits.shape[1]
    let weights = classWeights ?? [Float](repeating: 1, count: classes)
    precondition(
      weights.count == classes, "CrossEntropy: \(weights.count) class weights for \(classes) classes")
    let targets =
      (Tensor.oneHot(labels, classes: classes) * (1 - labelSmoothing) + labelSmoothing / Float(classes))
      * Tensor(weights)
    let total = labels.scalars.reduce(Float(0)) { $0 + weights[Int($1)] }
    return logits.crossEntropy(targets: targets).sum() / total
  }

  /// `[n, k]` logits and `[n, k]` class shares, of mixed samples, to a scalar:
  ///
  ///     loss = Σᵢ Σⱼ wⱼ ((1 − s) tᵢⱼ + s / k) (−log pᵢⱼ) / n
  ///
  /// As in PyTorch, and other than with labels, the class weights do not divide the sum.
  public func callAsFunction(_ logits: Variable, targets: Tensor) -> Variable {
    precondition(
      logits.shape.rank == 2 && targets.shape == logits.shape,
      "CrossEntropy: \(targets.shape) targets for \(logits.shape) logits")
    let classes = logits.shape[1]
    precondition(
      classWeights.map { $0.count == classes } ?? true,
      "CrossEntropy: \(classWeights?.count ?? 0) class weights for \(classes) classes")
    let smoothed = targets * (1 - labelSmoothing) + labelSmoothing / Float(classes)
    return logits.crossEntropy(targets: classWeights.map { smoothed * Tensor($0) } ?? smoothed).mean()
  }

  /// Checks that a batch of logits `[n, k]` is not one of probabilities: with two or more classes, all elements in
  /// [0, 1] and every row's sum within 1e-4 of 1.
  ///
  /// The loss contains the softmax. A model that ends in one of its own still learns, but slowly, since its gradients are
  /// damped twice, and nothing else would tell. `TrainingLoop` asks this of a run's first batch, before the first step.
  ///
  /// - Throws: `InputError.outOfRange` for probabilities.
  public static func checkLogits(_ logits: Tensor) throws {
    guard logits.rank == 2, logits.shape[0] > 0, logits.shape[1] > 1, logits.min() >= 0, logits.max() <= 1,
      (logits.sum(alongAxis: 1) - 1).absolute().max() <= 1e-4
    else { return }
    throw InputError(
      .outOfRange, "the model's output", expected: "logits", found: "probabilities: every row has the sum 1",
      remedy: "Leave out the softmax at the model's end: the loss contains it, and `probabilities` gives it.")
  }
}

/// The penalty `λ Σ w²` over the weights: a term of the loss.
///
/// Its gradient is 2λw, so λ equals a coupled decay of 2λ on the weights. It is neither that decay (which adds
/// nothing to the loss value) nor the decoupled decay of AdamW (which never meets the gradient's scaling).
public struct L2Penalty: Sendable {
  /// The factor λ, 0 or more.
  public var lambda: Float
  /// Which parameters are meant; the default takes weights and leaves biases out.
  public var includes: ParameterGroup.Condition

  /// A penalty on the parameters that fulfil the condition.
  public init(lambda: Float, includes: @escaping ParameterGroup.Condition = ParameterGroup.isWeight) {
    precondition(lambda >= 0, "L2Penalty: lambda \(lambda) is negative")
    self.lambda = lambda
    self.includes = includes
  }

  /// The term as part of a recorded loss: a scalar.
  public func callAsFunction<Model: Layer>(_ model: Model) -> Variable {
    var total = Variable(0)
    for (name, parameter) in model.parameters where includes(name, parameter) {
      total = total + parameter.variable.squared().sum()
    }
    return total * lambda
  }

  /// The term's value for a model.
  public func value<Model: Layer>(of model: Model) -> Double {
    Double(lambda)
      * model.parameters.reduce(0) {
        includes($1.name, $1.parameter) ? $0 + $1.parameter.value.sumOfSquares() : $0
      }
  }

  /// Adds the term's gradient, 2λw, to gradients of a loss without it: the same step as recording the term, in one
  /// pass over the weights.
  public func addGradient<Model: Layer>(of model: Model, to gradients: inout Gradients) {
    if lambda == 0 { return }
    for (name, parameter) in model.parameters where includes(name, parameter) {
      gradients[name]?.add(parameter.value, scaledBy: 2 * lambda)
    }
  }
}

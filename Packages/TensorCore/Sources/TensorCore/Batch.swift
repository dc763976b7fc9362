/// Some samples of a data set: inputs, labels, and where they came from.
public struct Batch: Sendable {
  /// `[n, …]`, pixels in [0, 1].
  public let inputs: Tensor
  /// `[n]`, class indices.
  public let labels: IntTensor
  /// `[n]`, each sample's index in its data set: the last step of its random keys.
  public let indices: [Int]
  /// `[n, classes]`, each class's share of a sample, where samples are mixed; nil where the label is all of it.
  public let targets: Tensor?

  /// A batch of samples.
  ///
  /// - Precondition: as many labels, indices and rows of targets as inputs along the first axis.
  public init(inputs: Tensor, labels: IntTensor, indices: [Int], targets: Tensor? = nil) {
    precondition(
      inputs.rank > 0 && labels.shape == [inputs.shape[0]] && indices.count == inputs.shape[0],
      "Batch: \(inputs.shape) inputs, \(labels.shape) labels, \(indices.count) indices")
    if let targets {
      precondition(
        targets.rank == 2 && targets.shape[0] == inputs.shape[0],
        "Batch: \(inputs.shape) inputs, \(targets.shape) targets")
    }
    self.inputs = inputs
    self.labels = labels
    self.indices = indices
    self.targets = targets
  }

  /// How many samples there are.
  public var count: Int { indices.count }

  /// Checks that every label is a class.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample and its label.
  public func checkLabels(classCount: Int) throws {
    for (i, label) in labels.scalars.enumerated() where label < 0 || label >= classCount {
      throw InputError(
        .outOfRange, "the label of sample \(indices[i])", expected: "0 to \(classCount - 1)",
        found: "\(label)")
    }
  }

  /// Checks that every input is finite and in the range.
  ///
  /// - Parameters:
  ///   - range: what the elements may be.
  ///   - what: what an error calls these inputs.
  /// - Throws: `InputError.outOfRange` naming the sample, the element and its value.
  public func checkInputs(in range: ClosedRange<Float>, _ what: String = "input") throws {
    let size = max(1, inputs.count / max(1, count))
    try inputs.withUnsafeBufferPointer { values in
      for i in values.indices where !values[i].isFinite || !range.contains(values[i]) {
        throw InputError(
          .outOfRange, "\(what), sample \(indices[i / size])", expected: "finite values in \(range)",
          found: "\(values[i]) at element \(i % size)")
      }
    }
  }
}

/// Samples that can be fetched by index: what training loops and attack runners consume and data sets conform to.
public protocol BatchSource: Sendable {
  /// How many samples there are.
  var count: Int { get }
  /// The shape of one input, without the batch axis.
  var inputShape: Shape { get }
  /// How many classes the labels have; labels are `0 ..< classCount`.
  var classCount: Int { get }
  /// The samples with these indices, in this order. `epoch` lets a source augment differently each time; sources
  /// that do not augment ignore it.
  func batch(at indices: [Int], epoch: Int) throws -> Batch
}

extension BatchSource {
  /// The samples with these indices, as they are before any epoch.
  public func batch(at indices: [Int]) throws -> Batch { try batch(at: indices, epoch: 0) }
}

import Datasets
import Interpretability
import NNLayers
import TensorCore

/// The images whose maps are drawn and measured: the test images, then training images, class by class in turn, so that
/// the first ten have every class once (requirement D4.152).
struct ExplainedSamples {
  /// `[n, 3, 32, 32]`.
  let images: Tensor
  /// `[n]`.
  let labels: IntTensor
  /// Whether an image is one that the networks learned from.
  let isTraining: [Bool]

  var count: Int { labels.count }

  init(_ study: Study, _ plan: ClassifyPlan) throws {
    let data = study.data
    let tested = Array(data.test.placesInTurn.prefix(plan.explained))
    let learned = Array(data.training.placesInTurn.prefix(plan.explained - tested.count))
    let parts = try [data.test.batch(at: tested), data.training.batch(at: learned)].filter { $0.count > 0 }
    images = .concatenated(parts.map(\.inputs))
    labels = IntTensor(parts.flatMap { batch in (0..<batch.count).map { batch.labels[$0] } })
    isTraining = tested.map { _ in false } + learned.map { _ in true }
  }

  /// The first so many.
  func prefix(_ length: Int) -> (images: Tensor, rows: Range<Int>) {
    let rows = 0..<min(length, count)
    return (images[rows: rows], rows)
  }
}

/// A network's answers for the samples, and the two kinds of maps that the document draws of the predicted class's score.
struct Explained {
  let assessment: Assessment
  let predictions: IntTensor
  /// The predicted class's probability.
  let confidences: [Float]
  let isCorrect: [Bool]
  /// `[n, 32, 32]`, not scaled.
  let maps: [Method: Tensor]

  /// The document's two methods.
  enum Method: String, CaseIterable {
    case saliency
    case gradCAM = "gradcam"

    var title: String { self == .saliency ? "saliency" : "Grad-CAM" }

    /// How to compute it.
    func explainer(_ architecture: Architecture) -> any Explainer {
      switch self {
      case .saliency: Saliency()
      case .gradCAM: GradCAM(layer: architecture.mapLayer)
      }
    }
  }

  init(_ assessment: Assessment, _ samples: ExplainedSamples) throws {
    self.assessment = assessment
    let probabilities = assessment.model.probabilities(samples.images)
    let predictions = probabilities.argmax(alongAxis: 1)
    self.predictions = predictions
    confidences = probabilities.picked(columns: predictions).scalars
    isCorrect = zip(predictions.scalars, samples.labels.scalars).map { $0 == $1 }
    maps = try Dictionary(
      uniqueKeysWithValues: Method.allCases.map { method in
        (
          method,
          try method.explainer(assessment.architecture).maps(
            of: assessment.model, at: samples.images, classes: predictions)
        )
      })
  }

  var architecture: Architecture { assessment.architecture }

  /// The maps of a method.
  func map(_ method: Method) -> Tensor {
    guard let map = maps[method] else { preconditionFailure("Explained: no maps by \(method)") }
    return map
  }
}

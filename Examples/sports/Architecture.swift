import Datasets
import NNLayers
import TensorCore

/// The document's two networks, and what it and the code behind it report about them.
enum Architecture: String, CaseIterable {
  case simpleCNN = "simple_cnn"
  case resNetSmall = "resnet_small"

  /// As the document writes it.
  var title: String {
    switch self {
    case .simpleCNN: "SimpleCNN"
    case .resNetSmall: "ResNetSmall"
    }
  }

  /// Fresh weights behind the normalisation by ImageNet's mean and deviation: the whole takes pixels in [0, 1].
  func untrained(_ key: RandomKey) -> any Layer {
    func normalized(_ model: some Layer) -> any Layer {
      Normalized(model, mean: Sports10.channelMeans, standardDeviation: Sports10.channelDeviations)
    }
    return switch self {
    case .simpleCNN: normalized(SimpleCNN(key: key))
    case .resNetSmall: normalized(ResNetSmall(key: key))
    }
  }

  /// Layers from shallow to deep whose class activation maps are compared, the document's one last.
  var mapLayers: [String] {
    switch self {
    case .simpleCNN: ["features[2]", "features[6]", "features[-2]"]
    case .resNetSmall: ["layer1[-1]", "layer2[-1]", "layer3[-1]"]
    }
  }

  /// Where the document puts Grad-CAM.
  var mapLayer: String { mapLayers[mapLayers.count - 1] }

  /// What the document reports.
  var documented: Documented {
    switch self {
    case .simpleCNN:
      Documented(
        accuracy: 0.68, originalAccuracy: 0.56, trainingLoss: 0.4523, trainingAccuracy: 0.8512, bestEpoch: 35,
        stoppedEpoch: 45, minutes: 45, milliseconds: (14.35, 1.56), mapSize: "8x8", sizeMiB: 2.37,
        macroRecall: 0.70)
    case .resNetSmall:
      Documented(
        accuracy: 0.72, originalAccuracy: 0.60, trainingLoss: 0.3214, trainingAccuracy: 0.9045, bestEpoch: 42,
        stoppedEpoch: nil, minutes: 90, milliseconds: (131.55, 8.70), mapSize: "16x16", sizeMiB: 10.61,
        macroRecall: 0.76)
    }
  }

  /// Printed values, kept to compare with.
  struct Documented {
    /// Best accuracy on the 50 validation images.
    let accuracy: Double
    /// What the stored results of the code behind the document say, after 5 epochs of other settings.
    let originalAccuracy: Double
    let trainingLoss, trainingAccuracy: Double
    let bestEpoch: Int
    /// Nil where the document does not say.
    let stoppedEpoch: Int?
    /// Training time.
    let minutes: Double
    /// Inference time, mean and deviation; said to be of one image, in truth of a batch of 32 (requirement D4.143).
    let milliseconds: (mean: Double, deviation: Double)
    /// Of the map that Grad-CAM enlarges.
    let mapSize: String
    /// Said to be MB (requirement D4.124).
    let sizeMiB: Double
    /// What the document's table of classes comes to: not its accuracy (requirement D4.134).
    let macroRecall: Double
  }
}

import Compression
import NNLayers
import TensorCore

/// A pruning score of one's own: a weight's share of its row's magnitudes, so that no unit loses all its inputs early.
struct RowShare: PruningScore {
  func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) -> [Tensor] {
    weights.map { _, parameter in
      let magnitudes = parameter.value.absolute()
      return magnitudes / magnitudes.sum(alongAxis: 1).expanded(axis: 1)
    }
  }
}

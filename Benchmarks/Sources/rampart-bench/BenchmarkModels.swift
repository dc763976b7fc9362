import NNLayers
import TensorCore

let benchmarkKey = RandomKey(seed: 1)

/// The shapes of one image of MNIST and of the sports images.
let digitShape: Shape = [1, 28, 28]
let pictureShape: Shape = [3, 32, 32]

func net() -> Net { Net(key: benchmarkKey) }
func convNN() -> ConvNN { ConvNN(key: benchmarkKey) }
func simpleCNN() -> SimpleCNN { SimpleCNN(key: benchmarkKey) }
func resNetSmall() -> ResNetSmall { ResNetSmall(key: benchmarkKey) }

/// Two wide convolutions and a wide linear layer; 1,199,882 parameters.
func wide() -> Sequential {
  Sequential(
    Convolution(inputs: 1, outputs: 32, kernel: 3, key: benchmarkKey.derived(0)), ReLU(),
    Convolution(inputs: 32, outputs: 64, kernel: 3, key: benchmarkKey.derived(1)), ReLU(),
    MaxPool(2), Dropout(rate: 0.25), Flatten(),
    Linear(inputs: 9216, outputs: 128, key: benchmarkKey.derived(2)), ReLU(),
    Linear(inputs: 128, outputs: 10, key: benchmarkKey.derived(3)))
}

/// A model for pixels in [0, 1], normalised with ImageNet's mean and deviation first.
func normalized<Model: Layer>(_ model: Model) -> Normalized<Model> {
  Normalized(model, mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
}

/// The model ready for evaluation.
func prepared(_ model: some Layer, for sample: Shape) -> EvaluationPlan {
  do { return try model.prepared(for: sample) } catch { fail("\(error)") }
}

/// So many random images.
func randomImages(_ count: Int, _ sample: Shape) -> Tensor {
  .uniform(shape: Shape([count] + sample.dimensions), key: benchmarkKey.derived("images"))
}

/// So many random labels of ten classes.
func randomLabels(_ count: Int) -> IntTensor {
  IntTensor(benchmarkKey.derived("labels").words(count: count).map { Int($0 % 10) })
}

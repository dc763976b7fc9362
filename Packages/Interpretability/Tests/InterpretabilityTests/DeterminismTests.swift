import Interpretability
import NNLayers
import TensorCore
import Testing

/// Same key, same bits, whatever the number of threads.
@Suite struct DeterminismTests {
  /// The bits of all methods' maps, by this number of threads.
  private static func bits(threads: Int, seed: UInt64 = 9) throws -> [UInt32] {
    ThreadPool.threadCount = threads
    let model = ResNetSmall(key: RandomKey(seed: 1))
    let x = Tensor.uniform(shape: [2, 3, 32, 32], key: RandomKey(seed: 2))
    let classes = model.predictions(x)
    let methods: [any Explainer] = [
      Saliency(), InputTimesGradient(), GuidedBackpropagation(), SmoothGradient(draws: 3),
      IntegratedGradients(steps: 3), Occlusion(window: 16, stride: 16), GradCAM(layer: "layer3[-1]"),
      GradCAMPlusPlus(layer: "layer3[-1]"), HiResCAM(layer: "layer2[-1]"), ScoreCAM(layer: "conv1"),
    ]
    var bits = try methods.flatMap {
      try $0.maps(of: model, at: x, classes: classes, key: RandomKey(seed: seed)).scalars.map(\.bitPattern)
    }
    let curves = try PixelCurves(.insertion, baseline: .blurred(standardDeviation: 2), pixelsPerStep: 256)
      .curves(
        of: model, at: x, classes: classes, maps: .uniform(shape: [2, 32, 32], key: RandomKey(seed: 3)))
    bits += curves.flatMap { $0.probabilities.map { Float($0).bitPattern } }
    return bits
  }

  @Test func threadsDoNotMatter() async {
    await #expect(processExitsWith: .success) {
      let alone = try DeterminismTests.bits(threads: 1)
      for threads in [2, 4] { #expect(try DeterminismTests.bits(threads: threads) == alone) }
    }
  }

  // An image's noise follows its key, not its row; other keys draw other noise.
  @Test func noiseFollowsTheKey() throws {
    let (model, x) = (try Reference.Network.plain.model(), try Reference.images())
    let (classes, method) = (try Reference.classes(), SmoothGradient(draws: 4))
    let keys = (0..<3).map { RandomKey(seed: 11).derived($0) }
    let all = try method.maps(of: model, at: x, classes: classes, keys: keys)
    let turned = try method.maps(
      of: model, at: x.gathered(rows: [2, 0]), classes: classes.gathered(rows: [2, 0]),
      keys: [keys[2], keys[0]])
    #expect(turned == all.gathered(rows: [2, 0]))
    #expect(try method.maps(of: model, at: x, classes: classes, key: RandomKey(seed: 11)) == all)
    #expect(try method.maps(of: model, at: x, classes: classes, key: RandomKey(seed: 12)) != all)
  }
}

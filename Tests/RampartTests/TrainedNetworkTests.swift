import Attacks
import Datasets
import Foundation
import NNLayers
import TensorCore
import Testing

/// The weights that full runs left in this checkout.
private enum TrainedNetworks {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let digits = root.appendingPathComponent("Data/mnist")
  static let photographs =
    ProcessInfo.processInfo.environment["RAMPART_SPORTS10"].map { URL(fileURLWithPath: $0) }
    ?? root.appendingPathComponent("Data/sports10")

  /// The files of weights in a folder of `checkpoints/` whose names are wanted; none without the data.
  static func files(in folder: String, with data: URL, _ isWanted: (_ name: String) -> Bool) -> [String] {
    guard FileManager.default.fileExists(atPath: data.path) else { return [] }
    let place = root.appendingPathComponent("checkpoints/\(folder)")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    return names.filter { $0.hasSuffix(".safetensors") && isWanted($0) }.sorted().map { "\(folder)/\($0)" }
  }
}

/// The checks of an evaluation flag none of the networks that the documents' full runs trained. Those that this checkout has
/// (`make reproduce` trains them) are tested; small ones of the same kinds are trained by `FalseDefenceTests`.
@Suite(.serialized) struct TrainedNetworkTests {
  private func weights(_ file: String) throws -> SafeTensors {
    try SafeTensors(contentsOf: TrainedNetworks.root.appendingPathComponent("checkpoints/\(file)"))
  }

  private func findings(_ model: some Layer, within budget: some NormBall, on batch: Batch) throws
    -> [EvaluationFinding]
  {
    let classifier = PlanClassifier(try model.prepared(for: batch.inputs.shape.removing(axis: 0)))
    return try checkEvaluation(of: classifier, within: budget, on: batch, key: RandomKey(seed: 1)) {
      SquareAttack(budget: $0, queries: 150, rescalesSchedule: true)
    }.filter(\.isFlagged)
  }

  private func digits(_ count: Int) throws -> Batch {
    try MNIST.load(.test, from: TrainedNetworks.digits).batch(at: Array(0..<count), epoch: 0)
  }

  @Test(
    arguments: TrainedNetworks.files(in: "mnist-cnn", with: TrainedNetworks.digits) { !$0.contains("run-") })
  func document0(_ file: String) throws {
    func found(_ model: some Layer) throws -> [EvaluationFinding] {
      try findings(model, within: LInfBall(radius: 0.1255), on: digits(100))
    }
    if file.contains("net-") {
      var model = Net(key: RandomKey(seed: 0))
      try model.load(weights(file))
      #expect(try found(model) == [], "\(file)")
    } else {
      var model = MLP(widths: [784, 512, 512, 10], key: RandomKey(seed: 0))
      try model.load(weights(file))
      #expect(try found(Sequential(Flatten(), model)) == [], "\(file)")
    }
  }

  // The networks that were trained on single steps fall to many steps, so nothing is hidden.
  @Test(
    arguments: TrainedNetworks.files(in: "smoothing", with: TrainedNetworks.digits) {
      !$0.contains("training")
    })
  func document1(_ file: String) throws {
    var model = ConvNN(key: RandomKey(seed: 0))
    try model.load(weights(file))
    #expect(try findings(model, within: L2Ball(radius: 1), on: digits(100)) == [], "\(file)")
    #expect(try findings(model, within: LInfBall(radius: 0.3), on: digits(100)) == [], "\(file)")
  }

  @Test(
    arguments: TrainedNetworks.files(in: "linear-adversary", with: TrainedNetworks.digits) {
      !$0.contains("training")
    })
  func document2(_ file: String) throws {
    let widths = file.contains("perceptron") ? [784, 512, 10] : [784, 10]
    var model = MLP(widths: widths, key: RandomKey(seed: 0))
    try model.load(weights(file))
    let found = try findings(
      Sequential(Flatten(), model), within: LInfBall(radius: 0.1255), on: digits(100))
    #expect(found == [], "\(file)")
  }

  // The best weights of each kind's longest training runs, which is what the document's tables judge.
  @Test(
    arguments: TrainedNetworks.files(in: "mnist-mlp", with: TrainedNetworks.digits) {
      $0.contains("100-epochs_document_run-0")
    })
  func document3(_ file: String) throws {
    let name = try #require(file.split(separator: "/").last?.split(separator: "_").first)
    var model = MLP(widths: name.split(separator: "-").compactMap { Int($0) }, key: RandomKey(seed: 0))
    let all = try weights(file)
    let best = all.names.filter { $0.hasPrefix("best/") }
    try model.load(
      SafeTensors(
        entries: Dictionary(
          uniqueKeysWithValues: best.map {
            (String($0.dropFirst("best/".count)), .tensor(try all.tensor(named: $0)))
          })))
    let found = try findings(
      Sequential(Flatten(), model), within: LInfBall(radius: 0.03), on: digits(100))
    #expect(found == [], "\(file)")
  }

  @Test(
    arguments: TrainedNetworks.files(in: "sports", with: TrainedNetworks.photographs) {
      $0.hasSuffix("-original.safetensors")
    })
  func document4(_ file: String) throws {
    let data = try Sports10(folder: TrainedNetworks.photographs).validation
    let batch = try data.batch(at: Array(0..<data.count))
    func check(_ model: some Layer) throws {
      var model = Normalized(
        model, mean: Sports10.channelMeans, standardDeviation: Sports10.channelDeviations)
      try model.load(weights(file))
      for radius in [1 / 255, 0.03] as [Float] {
        #expect(try findings(model, within: LInfBall(radius: radius), on: batch) == [], "\(file), \(radius)")
      }
    }
    if file.contains("simple_cnn") {
      try check(SimpleCNN(key: RandomKey(seed: 0)))
    } else {
      try check(ResNetSmall(key: RandomKey(seed: 0)))
    }
  }
}

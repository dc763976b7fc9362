import Attacks
import AutoDiffLite
import Compression
import Datasets
import Foundation
import ImageCodecs
import NNLayers
import Reporting
import TensorCore

/// Trains, attacks and prunes with an operation, a layer, an optimizer, a data source, an attack and a score that Rampart
/// has not:
/// ends with status 1 where one of them does not work.
@main
enum OutsideUser {
  static func main() throws {
    let key = RandomKey(seed: 71)
    let check = GradientCheck.run(
      at: [.normal(shape: [4, 5], standardDeviation: 2, key: key.derived("check"))], key: key
    ) { $0[0].swish() }
    demand(check.passed, "\(check)")

    var loop = TrainingLoop(epochs: 30, batchSize: 50, key: key)
    var state = TrainingState(
      model: Sequential(
        GatedLayer(inputs: 2, outputs: 32, key: key.derived("first")),
        GatedLayer(inputs: 32, outputs: 16, key: key.derived("second")),
        Linear(inputs: 16, outputs: 2, key: key.derived("last"))),
      optimizer: SignMomentum(learningRate: 3e-3))
    try loop.run(&state, on: Rings(count: 600, key: key.derived("train")))
    let test = Rings(count: 400, key: key.derived("test"))
    let evaluation = try state.model.evaluate(on: test)
    demand(evaluation.accuracy > 0.95, "accuracy \(evaluation.accuracy)")
    demand(state.model.parameters.map(\.name).contains("1.gate"), "parameter names")

    let batch = try test.batch(at: Array(0..<400))
    let attack = BoundarySearch(budget: L2Ball(radius: 0.15), steps: 10)
    let result = try judge(attack, against: LayerClassifier(state.model), on: batch, key: key)
    demand(result.robustErrors.successes > 2 * result.cleanErrors.successes + 20, "\(result.robustErrors)")

    try Pruner(score: RowShare()).prune(&state.model, to: 0.5)
    loop.epochs += 10
    try loop.run(&state, on: Rings(count: 600, key: key.derived("train")))
    let pruned = try state.model.evaluate(on: test).accuracy
    demand(abs(SparsityReport(of: state.model).sparsity - 0.5) < 1e-3 && pruned > 0.9, "pruned: \(pruned)")

    var table = Table("Rings", columns: ["What", "Share wrong"])
    for (name, share) in [("clean", result.cleanErrors), (result.attack, result.robustErrors)] {
      table.append([.text(name), .proportion(share)])
    }
    let digits = SyntheticDigits.images(count: 1, key: key)
    let picture = try Image(pngData: Image(digits.images[row: 0]).pngData(), name: "a digit")
    demand(picture.width == 28 && picture.channels == 1, "a digit as PNG")
    print(table.text)
    print("outside user: passed")
  }

  private static func demand(_ condition: Bool, _ what: String) {
    if condition { return }
    FileHandle.standardError.write(Data("outside user: failed: \(what)\n".utf8))
    exit(1)
  }
}

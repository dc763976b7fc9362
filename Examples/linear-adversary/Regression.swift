import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The document's 25 epochs in both profiles: they take a second.
func regressionEpochs(_ options: ProgramOptions) -> Int { options.epochs ?? 25 }

/// The trained softmax regression and what it came to.
struct RegressionResult {
  let model: MLP
  /// The mean cost of each epoch.
  let costs: [Double]
  let test: Evaluation
}

/// Trains the document's softmax regression: rows 5,000 to 59,999, zero start, SGD 0.05, batches of 100.
func trainRegression(_ data: DigitData, _ options: ProgramOptions, _ report: inout ReportFolder) throws
  -> RegressionResult
{
  let held = data.train.count / 12
  let training = data.train.flattened.subset(at: Array(held..<data.train.count))
  var loop = TrainingLoop(
    epochs: regressionEpochs(options), batchSize: 100,
    key: RandomKey(seed: options.seed).derived("regression"))
  loop.dropsPartialBatch = true
  var state = TrainingState(
    model: MLP(widths: [784, 10], initializer: .constant(0), key: loop.key),
    optimizer: SGD(learningRate: 0.05))
  let fingerprint = data.fingerprint(loop, state.optimizer, network: "784-10 from zero")
  try loop.run(
    "softmax regression", &state, on: training,
    checkpoint: options.checkpoint("regression", fingerprint: fingerprint))
  let test = try state.model.evaluate(on: data.test.flattened)
  try state.model.saveWeights(
    to: options.weightsFile("regression"),
    metadata: ["architecture": "MLP 784-10", "test_accuracy": "\(test.accuracy)", "seed": "\(options.seed)"])

  let costs = state.history.epochs.map(\.trainingLoss)
  report.report.addParagraph(
    "Weights and biases start at zero; plain SGD with rate 0.05 on batches of 100 of \(training.count) training images. "
      + "The cost of an epoch is the mean of its batches' cross-entropy.")
  var chart = LineChart("Cost of the softmax regression", x: Axis("Epoch"), y: Axis("Cross-entropy"))
  chart.series.append(.init("cost", y: costs, showsPoints: true))
  try report.add(chart, file: "figures/cost.png", caption: "Mean training cost of each epoch.")
  var table = Table("Cost after each epoch", columns: ["Epoch", "Cost"])
  for (epoch, cost) in costs.enumerated() { table.append([.integer(epoch + 1), .number(cost, decimals: 5)]) }
  try report.add(table, file: "cost.csv")
  var accuracy = Table(
    "Test accuracy of the softmax regression", columns: ["Model", "Accuracy", "Test loss"])
  accuracy.append([
    .text("784-10"), .proportion(successes: test.correct, count: test.count), .number(test.loss, decimals: 4),
  ])
  try report.add(accuracy, file: "accuracy.csv")
  print(accuracy.text)
  try report.metrics.addHeadline("cost_epoch_1", costs[0])
  try report.metrics.addHeadline("cost_final", costs[costs.count - 1])
  try report.metrics.addHeadline("test_accuracy", test.accuracy)
  try report.metrics.addHeadline("train_seconds", state.history.seconds)

  try report.logToTensorBoard(state.history, name: "regression")
  return RegressionResult(model: state.model, costs: costs, test: test)
}

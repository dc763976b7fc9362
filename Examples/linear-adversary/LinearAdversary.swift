import Attacks
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Document 2: images of a 2 that a softmax regression takes for a 6, made by the sign of one gradient.
@main
enum LinearAdversary {
  static let description = ProgramDescription(
    name: "linear-adversary",
    summary: """
      Document 2: trains a softmax regression on MNIST and turns its 2s into 6s with the sign of one gradient; finds
      the smallest step that works, for all pairs of digits, and compares it with the provably smallest change.
      """)

  static func main() {
    runProgram(description) { options in
      var report = try options.openReport(
        title: "Adversarial images against a linear classifier", settings: settings(options),
        isSynthetic: options.dataFolder == nil)
      let data = try DigitData(options)

      report.report.addHeading("Softmax regression")
      let regression = try trainRegression(data, options, &report)
      let parameters = regression.model.parameters.map(\.parameter.value)
      let margins = LinearMargins(weight: parameters[0], bias: parameters[1])

      report.report.addHeading("Ten 2s that become 6s")
      report.report.addParagraph(
        "Each image x is moved against the sign of the gradient of its cost with the fake label 6: "
          + "x' = x - eps sign(grad_x J(x, 6)), eps > 0. Pixels that were never lit in training have weights of exactly 0, "
          + "so their gradient's sign is 0 and they stay.")
      let twos = try data.test.firstImages(of: 2, count: 10)
      let result = try turn(twos, into: 6, model: regression.model, name: "softmax regression", &report)
      try compare(result, with: margins, &report)
      try drawTwoToSix(result, of: regression.model, &report)

      report.report.addHeading("Every pair of digits")
      try measurePairs(regression.model, data.test, options, &report)

      report.report.addHeading("The same attack on a multi-layer perceptron")
      try attackPerceptron(twos, data, options, &report)

      try summarize(result, regression, &report)
      try options.close(report)
    }
  }

  private static func settings(_ options: ProgramOptions) -> JSONObject {
    [
      "learning_rate": 0.05, "batch_size": 100, "epochs": .integer(regressionEpochs(options)),
      "steps": "101 from -1 to 1", "source": 2, "target": 6,
    ]
  }
}

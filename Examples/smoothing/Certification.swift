import Defenses
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

extension Study {
  /// Certifies a network on test images, from the file where an earlier run left off.
  func certify(
    _ network: Network, _ noise: SmoothingNoise, _ settings: CertificationSettings, samples: [Int],
    label: String
  ) throws -> CertificationResult {
    let smoothed = SmoothedClassifier(try network.model.prepared(for: data.test.inputShape), noise: noise)
    let identity = [
      network.model.weightsDigest, data.digest, "\(InstructionSet.current)", openBLASCoreName(),
    ].joined(separator: " ")
    // a name of its own for each run, so that another run's file is neither in the way nor lost
    let run = "\(identity), \(noise), \(settings), seed \(options.seed), \(samples)"
    let name =
      "\(fileName(network.name))-\(SHA256.hexadecimal(of: Data(run.utf8)).prefix(12)).certification.json"
    let file = CertificationFile(
      url: options.weightsFile(network.name).deletingLastPathComponent().appendingPathComponent(name),
      identity: identity)
    var line: ProgressLine?
    var done = 0
    let result = try smoothed.certify(
      data.test, samples: samples, settings: settings,
      key: RandomKey(seed: options.seed).derived("certification"), file: file,
      progress: { state in
        // the time left is that of what this process has to do
        let progress =
          line
          ?? ProgressLine(
            "certification of \(label)" + (state.resumed > 0 ? ", after \(state.resumed) from the file" : ""),
            total: state.total - state.resumed, unit: "images")
        progress.advance(by: state.completed - state.resumed - done)
        (line, done) = (progress, state.completed - state.resumed)
      })
    line?.finish("\(result.certifiedCorrect.successes) certified correctly")
    return result
  }
}

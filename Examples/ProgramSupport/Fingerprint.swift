import NNLayers
import TensorCore

/// To be raised with every change of kernels or layers that changes the bits of a training run.
private let trainingVersion = 1

/// The SHA-256 of all that decides a training run's bits, which names the run in its checkpoint: the data, the loop and
/// the optimizer with all their settings, the network, and the kernels' instruction set.
///
/// - Parameters:
///   - network: the architecture, and whatever else the loop's description does not show: a function prints as such.
///   - digest: the digest of the data.
public func trainingFingerprint(
  _ loop: TrainingLoop, _ optimizer: some Optimizer, network: String, data digest: String
) -> String {
  var hash = SHA256()
  let settings = [
    "version \(trainingVersion)", "\(loop)", "\(optimizer)", network, "\(InstructionSet.current)",
    openBLASCoreName(),
  ]
  for setting in settings { hash.update(setting + "\n") }
  hash.update(digest)
  return hash.hexadecimal
}

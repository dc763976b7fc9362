import Defenses
import ProgramSupport
import Reporting
import TensorCore

/// The sweep over noise levels with the numbers of Cohen et al. (requirement D1.28).
struct Sweep {
  /// For each noise level the networks to certify: the standard, the adversarial, and the one trained under this noise.
  private let levels: [(sigma: Float, networks: [Study.Network])]

  /// Loads the networks; nil when no sweep is asked for.
  ///
  /// - Throws: what `Study.load` throws.
  init?(_ study: Study) throws {
    guard study.plan.isSweep else { return nil }
    let fixed = try [Variant.standard, .adversarial].map { try study.load($0.rawValue, madeBy: $0) }
    levels = try study.plan.sweepSigmas.map { sigma in
      (sigma, fixed + [try study.load(study.smoothedName(sigma), madeBy: .smoothed)])
    }
  }

  /// Certifies images spread evenly over the test set.
  func run(_ study: Study, _ report: inout ReportFolder) throws {
    let (plan, count) = (study.plan, study.data.test.count)
    let samples = Array(stride(from: 0, to: count, by: max(1, count / plan.sweepImages)))
    var summary = Table(
      "Sweep over noise levels",
      columns: [
        "Sigma", "Network", "Certified correctly", "Abstained", "Mean radius, all", "Mean radius, certified",
        "Largest possible radius", "Seconds an image",
      ], note: "\(plan.sweepCertification); \(samples.count) images spread over the test set.")
    for (sigma, networks) in levels {
      let noise = try plan.noise(sigma)
      let results = try networks.map { network in
        (
          name: network.name,
          result: try study.certify(
            network, noise, plan.sweepCertification, samples: samples,
            label: "\(network.name), sigma \(sigma)")
        )
      }
      for (name, result) in results {
        summary.append([
          .number(Double(sigma), decimals: 2), .text(name), .proportion(result.certifiedCorrect),
          .proportion(result.abstained), .number(result.meanRadiusOfAll),
          .number(result.meanRadiusOfCertified),
          .number(plan.sweepCertification.largestRadius(noise)),
          .significant(result.seconds / Double(max(1, result.records.count))),
        ])
      }
      try reportCurves(results, file: "sweep_sigma_\(sigma)", &report)
    }
    try report.add(summary, file: "sweep.csv")
    print(summary.text)
  }
}

import Attacks
import ProgramSupport
import Reporting
import TensorCore

/// The checks that an honest evaluation passes, beside each robustness number.
func doubt(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Doubts")
  report.report.addParagraph(
    "Checks that every sound evaluation passes, run on the attacked network and images. What passes is not thereby robust."
  )
  var details = Table(
    "Every check",
    columns: ["Network", "Number", "Check", "Outcome", "Measured", "Samples", "Flags when"])
  var summary = Table(
    "Checks beside each number",
    columns: ["Network", "Number", "Robust accuracy", "Passed", "Undecided", "Flagged", "What was flagged"],
    note: "Undecided: the images at hand cannot tell, or the check does not apply.")
  for one in attacked {
    let folders = [
      "fgsm_untargeted_eps_\(plan.radius)", "pgd_untargeted", "autoattack_eps_\(plan.radius)",
      "autoattack_eps_1_255",
    ]
    for outcome in folders.map({ one[$0] }) {
      guard let radius = outcome.configuration.lInfRadius else { continue }
      let findings = try checkEvaluation(
        of: one.classifier, within: LInfBall(radius: radius), on: outcome.samples.batch(),
        claim: outcome.result, steps: plan.checks.steps,
        key: RandomKey(seed: study.options.seed).derived("checks"),
        blackBox: { SquareAttack(budget: $0, queries: plan.checks.queries) })
      for finding in findings {
        details.append([
          .text(one.title), .text(outcome.configuration.title), .text(finding.check.rawValue),
          .text("\(finding.severity)"), .text(finding.measured), .integer(finding.count),
          .text(finding.threshold),
        ])
      }
      let flagged = findings.filter(\.isFlagged)
      summary.append([
        .text(one.title), .text(outcome.configuration.title), .proportion(outcome.result.robustAccuracy),
        .integer(findings.count { $0.severity == .passed }),
        .integer(findings.count { $0.severity == .undecided }), .integer(flagged.count),
        .text(
          flagged.isEmpty
            ? "nothing"
            : flagged.map { "\($0.check.rawValue): \($0.measured). \($0.remedy)" }.joined(separator: " ")),
      ])
    }
  }
  try report.addPrinted(summary, file: "checks_summary.csv")
  try report.add(details, file: "checks.csv")
}

import ProgramSupport

/// Document 4: two networks that tell ten kinds of sport apart, and what can be said about them.
@main
enum Sports {
  static let description = ProgramDescription(
    name: "sports",
    summary: """
      Document 4: trains a small convolutional network and a small residual network on photographs of ten kinds of sport,
      judges them, shows where in the images they look, attacks them, and makes them smaller.
      """,
    subcommands: [
      .init("classify", help: "problem A: trains, judges, explains and compares the two networks"),
      .init("attack", help: "problem B: attacks the two saved networks and doubts what comes out"),
      .init(
        "prune", help: "problem C: prunes the two saved networks, and measures what that costs and brings"),
      .init("report", help: "joins what the three problems measured in one report"),
    ],
    options: [
      .init(
        "--seeds", value: "N",
        help: "how many times training is repeated, with consecutive seeds (default 5, quick 1)",
        subcommands: ["classify"]),
      .init(
        "--separate-test",
        help:
          "sets a tenth of the training images aside to test by; the document tests by the validation images"),
      .init(
        "--explained", value: "N",
        help: "how many images are explained by each method (default 100, quick 10)",
        subcommands: ["classify"]),
      .init(
        "--samples", value: "N", help: "how many test images are attacked (default all, quick 10)",
        subcommands: ["attack", "prune"]),
      .init(
        "--training-samples", value: "N",
        help: "how many training images are attacked besides (default 1000, quick 20)",
        subcommands: ["attack"]),
      .init(
        "--sparsities", value: "N,N",
        help: "sparsities in per cent besides 20, 50 and 80 (default 90,95, quick none)",
        subcommands: ["prune"]),
      .init(
        "--fine-tuning-samples", value: "N",
        help: "how many training images pruned networks learn from and are judged by (default all, quick 64)",
        subcommands: ["prune"]),
    ], images: .sports10)

  static func main() {
    runProgram(description) { options in
      if options.subcommand == "report" { return try report(options) }
      let classifyPlan = try ClassifyPlan(options)
      let attackPlan = try AttackPlan(options)
      let prunePlan = try PrunePlan(options)
      let study = Study(try SportsData(options), options)
      func runs(_ subcommand: String) -> Bool { (options.subcommand ?? subcommand) == subcommand }
      if runs("classify") { try classify(study, classifyPlan) }
      if runs("attack") { try attack(study, attackPlan) }
      if runs("prune") { try prune(study, prunePlan) }
      if options.subcommand == nil { try report(options) }
    }
  }
}

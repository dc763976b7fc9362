import ProgramSupport

/// Document 4: two networks that tell ten kinds of sport apart, and what can be said about them.
@main
enum Sports {
  static let description = ProgramDescription(
    name: "sports",
    summary: """
      Document 4: trains a small convolutional network and a small residual network on photographs of ten kinds of sport,
      judges them, and shows where in the images they look.
      """,
    subcommands: [
      .init("classify", help: "problem A: trains, judges, explains and compares the two networks")
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
    ], images: .sports10)

  static func main() {
    runProgram(description) { options in
      let plan = try ClassifyPlan(options)
      let study = Study(try SportsData(options), options)
      func runs(_ subcommand: String) -> Bool { (options.subcommand ?? subcommand) == subcommand }
      if runs("classify") { try classify(study, plan) }
    }
  }
}

import ProgramSupport
import Reporting
import TensorCore

/// Document 1: a network trained three ways on MNIST, and how far each can be certified by randomized smoothing.
@main
enum Smoothing {
  static let description = ProgramDescription(
    name: "smoothing",
    summary: """
      Document 1: trains a small convolutional network on MNIST as usual, on adversarial examples, and under Gaussian
      noise, and compares how far the three are certified by randomized smoothing.
      """,
    subcommands: [
      .init("train", help: "standard training; clean and adversarial accuracy"),
      .init("adversarial-train", help: "training on single-step adversarial examples; the same evaluation"),
      .init("smooth-train", help: "training under Gaussian noise; the same evaluation"),
      .init("compare", help: "certifies the three saved networks by randomized smoothing and compares them"),
    ],
    options: [
      .init(
        "--wide",
        help:
          "the wider network, 50,378 parameters, in place of the document's with 1,580; files convnn-wide-..."
      ),
      .init(
        "--sweep",
        help:
          "adds a sweep: attack radii 0.1, 0.2, 0.3 (L-inf) and 0.5, 1, 1.5, 2 (L2) in the training programs; sigma "
          + "0.25, 0.5, 1 with n0 100, n 100,000 (quick 10,000), alpha 0.001 in smooth-train and compare"),
      .init(
        "--method", value: "NAME",
        help:
          "a further training method, also trained and compared: trades, mart, free, fast (adversarial-train), "
          + "smoothadv, macer (smooth-train)", subcommands: ["adversarial-train", "smooth-train", "compare"]),
      .init(
        "--images", value: "N",
        help: "how many test images are certified (default: all, quick 300; in the sweep 500, quick 20)",
        subcommands: ["compare"]),
    ])

  static func main() {
    runProgram(description) { options in
      let plan = try Plan(options)
      let study = Study(try DigitData(options), options, plan)
      func runs(_ subcommand: String) -> Bool { (options.subcommand ?? subcommand) == subcommand }
      if runs("train") { try trainStandard(study) }
      if runs("adversarial-train") { try trainAdversarially(study) }
      if runs("smooth-train") { try trainUnderNoise(study) }
      if runs("compare") { try compare(study) }
    }
  }
}

import Foundation
import TensorCore

/// What an example program is and which options it takes besides the common ones.
public struct ProgramDescription: Sendable {
  /// The program's name, and its folder's below `results/`.
  public let name: String
  /// One or two sentences for `--help`.
  public let summary: String
  /// The parts that can be run by themselves, in the order in which a run without a subcommand takes them; mostly none.
  public let subcommands: [Subcommand]
  /// Options of this program alone.
  public let options: [Option]
  /// Where its images are when `--data` does not say.
  public let images: DefaultImages

  /// A part of a program that can be run by itself.
  public struct Subcommand: Sendable {
    /// As typed, `compare`.
    public let name: String
    /// What it does.
    public let help: String

    /// A subcommand.
    public init(_ name: String, help: String) {
      self.name = name
      self.help = help
    }
  }

  /// One option.
  public struct Option: Sendable {
    /// As typed, `--eps`.
    public let name: String
    /// What stands for its value in the help; nil for a switch.
    public let value: String?
    /// What it does.
    public let help: String
    /// The subcommands that take it; nil when all do.
    public let subcommands: [String]?

    /// An option.
    public init(_ name: String, value: String? = nil, help: String, subcommands: [String]? = nil) {
      self.name = name
      self.value = value
      self.help = help
      self.subcommands = subcommands
    }

    fileprivate func isTaken(by subcommand: String?) -> Bool {
      guard let subcommand, let subcommands else { return true }
      return subcommands.contains(subcommand)
    }
  }

  /// A program.
  public init(
    name: String, summary: String, subcommands: [Subcommand] = [], options: [Option] = [],
    images: DefaultImages = .mnist
  ) {
    self.name = name
    self.summary = summary
    self.subcommands = subcommands
    self.options = options
    self.images = images
  }

  private var data: Option {
    Option("--data", value: "FOLDER", help: "the images; \"synthetic\" draws a stand-in (default \(images))")
  }

  private static let common: [Option] = [
    Option(
      "--out", value: "FOLDER", help: "where results go (default results/ or results/quick/ and the name)"),
    Option("--seed", value: "N", help: "the only source of randomness (default 42)"),
    Option(
      "--threads", value: "N",
      help: "threads that share the work (default: one a core); never changes results"),
    Option("--profile", value: "quick|full", help: "a short run, or the document's own size (default quick)"),
    Option("--epochs", value: "N", help: "epochs of every training run, in place of the profile's"),
    Option("--device", value: "cpu", help: "the computing device; there is one"),
    Option("--help", help: "print this"),
  ]

  var allOptions: [Option] { options + [data] + Self.common }

  /// The subcommand that arguments begin with, if any.
  func subcommand(of arguments: [String]) -> Subcommand? {
    subcommands.first { $0.name == arguments.first }
  }

  /// The text of `--help`, of the program or of one subcommand.
  func help(_ subcommand: Subcommand? = nil) -> String {
    func lines(_ entries: [(name: String, help: String)]) -> String {
      let width = (entries.map(\.name.count).max() ?? 0) + 2
      return entries.map { "  \($0.name)\(String(repeating: " ", count: width - $0.name.count))\($0.help)" }
        .joined(separator: "\n")
    }
    let taken = allOptions.filter { $0.isTaken(by: subcommand?.name) }
    let options = lines(taken.map { ($0.name + ($0.value.map { " " + $0 } ?? ""), $0.help) })
    if let subcommand {
      return "\(subcommand.help)\n\nUsage: \(name) \(subcommand.name) [option ...]\n\n\(options)"
    }
    if subcommands.isEmpty { return "\(summary)\n\nUsage: \(name) [option ...]\n\n\(options)" }
    let parts = lines(subcommands.map { ($0.name, $0.help) })
    return "\(summary)\n\nUsage: \(name) [subcommand] [option ...]\n\n\(parts)\n\n"
      + "Without a subcommand all of them run, in this order. An option of some of them then speaks to these.\n\n"
      + options
  }
}

/// How long a run is.
public enum Profile: String, Sendable {
  /// A few seconds to a minute.
  case quick
  /// The document's own size.
  case full
}

/// A command line that cannot be followed.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

/// The options of one run, checked.
public struct ProgramOptions: Sendable {
  /// The program's name.
  public let program: String
  /// The subcommand; nil runs all of them, or the program has none.
  public let subcommand: String?
  /// The report's name: the program's, or that of one of its parts.
  public private(set) var reportName: String
  /// The folder of the images; nil for the synthetic stand-in.
  public let dataFolder: URL?
  /// Where results go.
  public private(set) var outputFolder: URL
  /// Where weights and unfinished runs go.
  public let checkpointFolder: URL
  /// The folder whose `index.html` joins the programs' reports; nil when results go elsewhere.
  public let indexFolder: URL?
  /// The seed.
  public let seed: UInt64
  /// How long the run is.
  public let profile: Profile
  /// The epochs of every training run; nil for the profile's own.
  public let epochs: Int?
  private let values: [String: String]

  /// The value of one of the program's own options.
  public func value(of option: String) -> String? { values[option] }

  /// The options for a part of the program with a report of its own: in `<program>-<part>/` beside the program's
  /// results, or in `<part>/` below the folder that `--out` names. Checkpoints stay in one place.
  public func part(_ name: String) -> ProgramOptions {
    var options = self
    options.reportName = "\(program)-\(name)"
    options.outputFolder =
      indexFolder?.appendingPathComponent(options.reportName) ?? outputFolder.appendingPathComponent(name)
    return options
  }

  /// Reads a command line; sets the number of threads.
  init(_ description: ProgramDescription, arguments: [String]) throws {
    var values: [String: String] = [:]
    var rest = arguments[...]
    subcommand = description.subcommand(of: arguments)?.name
    if subcommand != nil {
      rest.removeFirst()
    } else if let first = rest.first, !first.hasPrefix("-"), !description.subcommands.isEmpty {
      let names = description.subcommands.map(\.name).joined(separator: ", ")
      throw UsageError(description: "unknown subcommand \(first); there are \(names)")
    }
    while let name = rest.popFirst() {
      guard let option = description.allOptions.first(where: { $0.name == name }) else {
        throw UsageError(description: "unknown option \(name)")
      }
      guard option.isTaken(by: subcommand) else {
        throw UsageError(description: "\(subcommand ?? "") takes no \(name)")
      }
      if option.value == nil {
        values[name] = ""
      } else if let value = rest.popFirst(), !value.isEmpty {
        values[name] = value
      } else {
        throw UsageError(description: "\(name) needs a value, \(option.value ?? "")")
      }
    }
    func number<Number: LosslessStringConvertible & Comparable>(_ name: String, least: Number) throws
      -> Number?
    {
      guard let text = values[name] else { return nil }
      guard let number = Number(text), number >= least else {
        throw UsageError(description: "\(name) takes a whole number of at least \(least), got \"\(text)\"")
      }
      return number
    }
    if let device = values["--device"], device != "cpu" {
      throw UsageError(description: "--device takes cpu, got \"\(device)\"")
    }
    guard let profile = Profile(rawValue: values["--profile"] ?? "quick") else {
      throw UsageError(description: "--profile takes quick or full, got \"\(values["--profile"] ?? "")\"")
    }
    program = description.name
    reportName = description.name
    self.profile = profile
    seed = try number("--seed", least: UInt64(0)) ?? 42
    epochs = try number("--epochs", least: 1)
    if let threads = try number("--threads", least: 1) { ThreadPool.threadCount = threads }
    dataFolder =
      values["--data"].map { $0 == "synthetic" ? nil : URL(fileURLWithPath: $0) } ?? description.images.folder
    let isFull = profile == .full
    if let out = values["--out"] {
      outputFolder = URL(fileURLWithPath: out)
      checkpointFolder = outputFolder.appendingPathComponent("checkpoints")
      indexFolder = nil
    } else {
      let results = URL(fileURLWithPath: isFull ? "results" : "results/quick")
      outputFolder = results.appendingPathComponent(description.name)
      checkpointFolder = URL(fileURLWithPath: isFull ? "checkpoints" : "checkpoints/quick")
      indexFolder = results
    }
    self.values = values
  }
}

import Foundation
import TensorCore

/// What an example program is and which options it takes besides the common ones.
public struct ProgramDescription: Sendable {
  /// The program's name, and its folder's below `results/`.
  public let name: String
  /// One or two sentences for `--help`.
  public let summary: String
  /// Options of this program alone.
  public let options: [Option]

  /// One option.
  public struct Option: Sendable {
    /// As typed, `--eps`.
    public let name: String
    /// What stands for its value in the help; nil for a switch.
    public let value: String?
    /// What it does.
    public let help: String

    /// An option.
    public init(_ name: String, value: String? = nil, help: String) {
      self.name = name
      self.value = value
      self.help = help
    }
  }

  /// A program.
  public init(name: String, summary: String, options: [Option] = []) {
    self.name = name
    self.summary = summary
    self.options = options
  }

  private static let common: [Option] = [
    Option(
      "--data", value: "FOLDER", help: "the images; \"synthetic\" draws a stand-in (default Data/mnist)"),
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

  var allOptions: [Option] { options + Self.common }

  /// The text of `--help`.
  public var help: String {
    let names = allOptions.map { $0.name + ($0.value.map { " " + $0 } ?? "") }
    let width = (names.map(\.count).max() ?? 0) + 2
    let lines = zip(names, allOptions).map { name, option in
      "  " + name + String(repeating: " ", count: width - name.count) + option.help
    }
    return "\(summary)\n\nUsage: \(name) [option ...]\n\n" + lines.joined(separator: "\n")
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
  /// The folder of the images; nil for the synthetic stand-in.
  public let dataFolder: URL?
  /// Where results go.
  public let outputFolder: URL
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

  /// Reads a command line; sets the number of threads.
  init(_ description: ProgramDescription, arguments: [String]) throws {
    var values: [String: String] = [:]
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let option = description.allOptions.first(where: { $0.name == name }) else {
        throw UsageError(description: "unknown option \(name)")
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
    self.profile = profile
    seed = try number("--seed", least: UInt64(0)) ?? 42
    epochs = try number("--epochs", least: 1)
    if let threads = try number("--threads", least: 1) { ThreadPool.threadCount = threads }
    let data = values["--data"] ?? "Data/mnist"
    dataFolder = data == "synthetic" ? nil : URL(fileURLWithPath: data)
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

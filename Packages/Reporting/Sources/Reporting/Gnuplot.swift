import Foundation
import ImageCodecs
import TensorCore

/// The plotting program as a subprocess: a script goes in, a PNG file's bytes come out. No shell is involved, and
/// neither the user's start-up files nor the language settings have a say.
public struct Gnuplot: Sendable {
  /// The program's file.
  public let executable: URL

  /// The first `gnuplot` in the folders of `PATH`.
  ///
  /// - Throws: `InputError.missing` with what to install.
  public init() throws {
    try self.init(searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
  }

  /// The first `gnuplot` in these folders, separated by colons.
  ///
  /// - Throws: `InputError.missing` with what to install.
  public init(searchPath: String) throws {
    let candidates = searchPath.split(separator: ":").map {
      URL(fileURLWithPath: String($0), isDirectory: true).appendingPathComponent("gnuplot")
    }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
    else {
      throw InputError(
        .missing, "gnuplot", expected: "the program in a folder of PATH", found: "none in \(searchPath)",
        remedy: "Charts need it: apt-get install gnuplot-nox")
    }
    executable = found
  }

  /// Runs a script whose output is a PNG file.
  ///
  /// - Parameter subject: the chart's title, for error messages.
  /// - Throws: `InputError`: `.damaged` with gnuplot's words when it fails or writes no PNG file, `.unwritable` when it
  ///   cannot be started or there is no place for temporary files.
  func png(script: String, subject: String) throws -> Data {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("chart-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let result: (output: Data, messages: String, status: Int32)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      result = try run(script: script, in: folder)
    } catch {
      throw InputError(
        .unwritable, "chart \"\(subject)\"",
        expected:
          "to run \(executable.path) with temporary files in \(folder.deletingLastPathComponent().path)",
        found: error.localizedDescription)
    }
    let isComplete = (try? Image(pngData: result.output, name: subject)) != nil
    guard result.status == 0, isComplete else {
      let lines = result.messages.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      let reason =
        lines.last { !$0.isEmpty && $0 != "^" } ?? "\(result.output.count) bytes that are no PNG file"
      throw InputError(
        .damaged, "chart \"\(subject)\"", expected: "a picture from \(executable.path)",
        found: "status \(result.status): \(reason)")
    }
    return result.output
  }

  private func run(
    script: String, in folder: URL
  ) throws -> (output: Data, messages: String, status: Int32) {
    // Files at all three ends: a pipe could fill up, or break under the writer when gnuplot gives up early.
    let input = folder.appendingPathComponent("script")
    let output = folder.appendingPathComponent("output")
    let messages = folder.appendingPathComponent("messages")
    try Data(script.utf8).write(to: input)
    try Data().write(to: output)
    try Data().write(to: messages)

    let process = Process()
    process.executableURL = executable
    process.arguments = ["-d", "-"]
    process.environment = ["LC_ALL": "C.UTF-8", "HOME": folder.path, "PATH": "/usr/local/bin:/usr/bin:/bin"]
    process.currentDirectoryURL = folder
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: messages)
    try process.run()
    process.waitUntilExit()
    // A program that was killed has written half a picture at best.
    let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    return (
      try Data(contentsOf: output), String(decoding: try Data(contentsOf: messages), as: UTF8.self), status
    )
  }

  /// A text as gnuplot's single-quoted string, in which nothing is special but the quote: no escapes, no command
  /// substitution, no macros. The quote becomes a typographic apostrophe, because gnuplot 5.4 ends a string early when
  /// doubled quotes stand at its beginning; line breaks and control characters become spaces.
  static func quoted(_ text: String) -> String {
    let cleaned = text.unicodeScalars.map { scalar -> UnicodeScalar in
      if scalar == "'" { return "\u{2019}" }
      return scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar
    }
    return "'" + String(String.UnicodeScalarView(cleaned)) + "'"
  }

  /// A tick's text, in which gnuplot would read percent signs as formats.
  static func quotedTick(_ text: String) -> String { quoted(text.replacing("%", with: "%%")) }

  /// A number in data or in a command; gnuplot reads `NaN` as a gap.
  static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "NaN" }
}

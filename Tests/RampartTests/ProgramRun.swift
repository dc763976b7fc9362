import Foundation
import Testing

/// One run of a program to its end.
struct ProgramRun {
  let status: Int32
  let output: String
  let errors: String
  var errorLines: [Substring] { errors.split(separator: "\n") }

  /// - Parameters:
  ///   - environment: variables in place of this process's.
  ///   - condition: asked again and again while the program runs; it is killed when it holds.
  init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    killedWhen condition: (() -> Bool)? = nil
  ) throws {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    // Files, not pipes: a pipe that nobody empties would stop the program.
    let files = ["output", "errors"].map { scratch.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    let process = Process()
    // "smoothing train" is a program and its subcommand
    let words = program.split(separator: " ").map(String.init)
    process.executableURL = try Self.executable(words[0])
    process.arguments = words.dropFirst() + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = scratch
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    while let condition, process.isRunning {
      if condition() { kill(process.processIdentifier, SIGKILL) }
      usleep(1000)
    }
    process.waitUntilExit()
    status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    output = try String(contentsOf: files[0], encoding: .utf8)
    errors = try String(contentsOf: files[1], encoding: .utf8)
  }

  /// The program beside the test bundle.
  private static func executable(_ program: String) throws -> URL {
    let places = [
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(), Bundle.main.bundleURL,
      Bundle.main.bundleURL.deletingLastPathComponent(),
    ].map { $0.appendingPathComponent(program) }
    return try #require(
      places.first { FileManager.default.isExecutableFile(atPath: $0.path) },
      "\(program) is not beside the tests: \(places.map(\.path))")
  }
}

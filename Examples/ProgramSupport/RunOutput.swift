import Foundation
import NNLayers
import Reporting
import TensorCore

extension ProgramOptions {
  /// The run's output folder with its report and metrics begun; fails at once where nothing can be written.
  ///
  /// - Parameter seeds: those that training is repeated with; nil for the options' own.
  public func openReport(title: String, settings: JSONObject, isSynthetic: Bool, seeds: [UInt64]? = nil)
    throws -> ReportFolder
  {
    let metrics = Metrics(
      program: reportName, profile: profile.rawValue, settings: settings, environment: .current,
      seeds: seeds ?? [seed], isSynthetic: isSynthetic)
    print(
      "\(reportName): \(profile.rawValue) profile, seed \(seed), \(ThreadPool.threadCount) threads on the CPU "
        + "(\(InstructionSet.current))" + (isSynthetic ? ", synthetic data" : ""))
    return try ReportFolder(outputFolder, title: title, metrics: metrics)
  }

  /// Writes the report and the index over all programs, and prints where they are.
  public func close(_ report: ReportFolder) throws {
    var report = report
    report.report.addHeading("How this run was made")
    report.report.add(report.metrics.runTable)
    let page = try report.finish()
    print("\nReport: \(page.path)")
    if let indexFolder { print("Index: \(try ResultsIndex.write(in: indexFolder).path)") }
  }

  /// A training run's checkpoint, continued by a later run with the same settings and data.
  public func checkpoint(_ name: String, fingerprint: String) -> TrainingCheckpoint {
    TrainingCheckpoint(
      url: checkpointFolder.appendingPathComponent("\(program)/\(name).training.safetensors"),
      fingerprint: fingerprint)
  }

  /// Where a model's final weights go.
  public func weightsFile(_ name: String) -> URL {
    checkpointFolder.appendingPathComponent("\(program)/\(name).safetensors")
  }
}

extension ReportFolder {
  /// Adds a table to the report as `add` does, and prints it.
  public mutating func addPrinted(_ table: Table, file: String) throws {
    print(try add(table, file: file).text)
  }

  /// Adds points to the report and prints them.
  public mutating func addPrinted(_ points: [String]) {
    report.addList(points)
    print(points.map { "- \($0)\n" }.joined())
  }
}

extension RunEnvironment {
  /// This process on this machine.
  public static var current: RunEnvironment {
    RunEnvironment(
      machine: processorName, cores: ProcessInfo.processInfo.activeProcessorCount,
      threads: ThreadPool.threadCount,
      instructionSet: "\(InstructionSet.current)", openBLASCore: openBLASCoreName(),
      swiftVersion: compilerVersion,
      revision: revision)
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return model.map { $0.trimmingCharacters(in: .whitespaces) }
      ?? ProcessInfo.processInfo.operatingSystemVersionString
  }

  private static var compilerVersion: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #elseif compiler(>=6.2)
      "6.2"
    #else
      "6.0 or 6.1"
    #endif
  }

  private static var revision: String? {
    let git = Process()
    let output = Pipe()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // of these sources, wherever the program is started
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    git.arguments = [
      "git", "-C", sources, "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*",
    ]
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    guard (try? git.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return git.terminationStatus == 0 && !text.isEmpty ? text : nil
  }
}

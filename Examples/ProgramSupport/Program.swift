@preconcurrency import Foundation
import TensorCore

/// Runs a program: reads the command line, calls the body, and turns every failure into one sentence on standard error
/// and a non-zero status (2 for a wrong command line, 1 for all else).
public func runProgram(_ description: ProgramDescription, _ body: (ProgramOptions) throws -> Void) -> Never {
  func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data("\(description.name): \(message)\n".utf8))
    exit(status)
  }
  setvbuf(stdout, nil, _IOLBF, 0)  // lines appear as they are printed, also in a file or a pipe
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.contains("--help") {
    print(description.help(description.subcommand(of: arguments)))
    exit(0)
  }
  do {
    try body(ProgramOptions(description, arguments: arguments))
    exit(0)
  } catch let error as UsageError {
    fail("\(error). Try --help.", status: 2)
  } catch {
    fail("\(error)", status: 1)
  }
}

import Foundation
import TensorCore

// rampart-bench --list | --list-kernels | --list-plans
// rampart-bench --row NAME --threads T --seconds S        one JSON line
// rampart-bench --kernels [PATTERN] --threads T           one JSON line for each kernel that fits the shell pattern
// rampart-bench --plans [PATTERN] --threads T             the same for sparse and 8-bit plans beside dense ones
// rampart-bench --export NETWORK [--weights FILE --images FOLDER] --count N --case FILE
// rampart-bench --attack NAME --norm linf|l2 --radius R [--from-input] --seed S --first I --count N --case FILE --threads T

let arguments = CommandLine.arguments

func value(of option: String) -> String? {
  guard let place = arguments.firstIndex(of: option), place + 1 < arguments.count else { return nil }
  let next = arguments[place + 1]
  return next.hasPrefix("--") ? nil : next
}

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("rampart-bench: \(message)\n".utf8))
  exit(2)
}

if arguments.contains("--list") {
  for workload in Workload.all { print(workload.name) }
  exit(0)
}
if arguments.contains("--list-kernels") {
  for row in KernelRow.all { print(row.name) }
  exit(0)
}
if arguments.contains("--list-plans") {
  for row in PlanRow.all { print(row.name) }
  exit(0)
}
guard let threads = Int(value(of: "--threads") ?? "1"), threads > 0 else {
  fail("--threads takes a positive number")
}
ThreadPool.threadCount = threads
if arguments.contains("--kernels") {
  let pattern = value(of: "--kernels") ?? "*"
  for row in KernelRow.all where fnmatch(pattern, row.name, 0) == 0 { print(row.measured(threads: threads)) }
  exit(0)
}
if arguments.contains("--plans") {
  let pattern = value(of: "--plans") ?? "*"
  for row in PlanRow.all where fnmatch(pattern, row.name, 0) == 0 { print(row.measured(threads: threads)) }
  exit(0)
}
if let file = value(of: "--case").map({ URL(fileURLWithPath: $0) }) {
  do { try runCase(file) } catch { fail("\(error)") }
  exit(0)
}
guard let name = value(of: "--row"), let workload = Workload.all.first(where: { $0.name == name }) else {
  fail("--row takes one of \(Workload.all.map(\.name).joined(separator: ", "))")
}
guard let seconds = Double(value(of: "--seconds") ?? "3"), seconds > 0 else {
  fail("--seconds takes a positive number")
}
let (median, repetitions) = workload.measure(seconds: seconds)
print(
  """
  {"name": "\(name)", "threads": \(threads), "median_ms": \(median), "runs": \(repetitions), \
  "instructions": "\(InstructionSet.current)", "openblas_core": "\(openBLASCoreName())"}
  """)

/// Writes a case or attacks it.
func runCase(_ file: URL) throws {
  let count = value(of: "--count").flatMap { Int($0) } ?? 1000
  if let network = value(of: "--export") {
    return try AttackCase.write(
      network, weights: value(of: "--weights").map { URL(fileURLWithPath: $0) },
      folder: value(of: "--images").map { URL(fileURLWithPath: $0) }, count: count, to: file)
  }
  guard let attack = value(of: "--attack"), let radius = value(of: "--radius").flatMap({ Float($0) }) else {
    fail("--attack and --radius say what is to be done with the case")
  }
  let outcome = AttackOutcome(
    attack: attack, norm: value(of: "--norm") == "l2" ? .l2 : .lInf, radius: radius,
    startsAtInput: arguments.contains("--from-input"))
  let seed = value(of: "--seed").flatMap { Int($0) } ?? 1
  let first = value(of: "--first").flatMap { Int($0) } ?? 0
  print(try outcome.measured(on: AttackCase(file), images: first..<(first + count), seed: seed))
}

/// Where a run happened: what its bits and its speed depend on. The program passes it in; nothing is looked up here.
public struct RunEnvironment: Sendable, Hashable {
  /// Processor and operating system, as people name them.
  public var machine: String
  /// Processor cores that the process may use.
  public var cores: Int
  /// Threads that the run used.
  public var threads: Int
  /// Instruction set of the kernels: `avx512`, `avx2`, `baseline`.
  public var instructionSet: String
  /// Kernel family that OpenBLAS chose; nil when unknown.
  public var openBLASCore: String?
  /// Version of the Swift compiler.
  public var swiftVersion: String
  /// Git revision of the sources; nil outside a checkout.
  public var revision: String?

  /// An environment.
  public init(
    machine: String, cores: Int, threads: Int, instructionSet: String, openBLASCore: String? = nil,
    swiftVersion: String, revision: String? = nil
  ) {
    self.machine = machine
    self.cores = cores
    self.threads = threads
    self.instructionSet = instructionSet
    self.openBLASCore = openBLASCore
    self.swiftVersion = swiftVersion
    self.revision = revision
  }

  /// The parts by name, in `metrics.json`'s spelling.
  public var json: JSONValue {
    [
      "machine": .string(machine),
      "cores": .integer(cores),
      "threads": .integer(threads),
      "instruction_set": .string(instructionSet),
      "openblas_core": openBLASCore.map { .string($0) } ?? .null,
      "swift": .string(swiftVersion),
      "revision": revision.map { .string($0) } ?? .null,
    ]
  }
}

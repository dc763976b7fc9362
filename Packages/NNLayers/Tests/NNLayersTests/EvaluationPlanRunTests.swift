import AutoDiffLite
import Foundation
import NNLayers
import Synchronization
import TensorCore
import Testing

/// How prepared models run: sizes of batches, threads, memory.
@Suite struct EvaluationPlanRunTests {
  private static let key = RandomKey(seed: 92)

  struct Network: Sendable {
    let name: String
    let model: any Layer
    let sample: Shape
    let counts: [Int]

    var plan: EvaluationPlan { get throws { try model.prepared(for: sample) } }

    func inputs(_ count: Int) -> Tensor {
      .uniform(shape: Shape([count] + sample.dimensions), key: key.derived(name))
    }
  }

  /// The documents' networks, with batches that leave threads idle, fill them, and are cut into chunks.
  static let networks = [
    Network(
      name: "Net", model: ModelFixture.filled(Net(key: key)), sample: [1, 28, 28], counts: [1, 3, 9, 32, 50]),
    Network(
      name: "ConvNN", model: ModelFixture.filled(ConvNN(key: key)), sample: [1, 28, 28],
      counts: [1, 3, 9, 32, 50]),
    Network(
      name: "SimpleCNN", model: ModelFixture.filled(SimpleCNN(key: key)), sample: [3, 32, 32],
      counts: [1, 3, 19]),
    Network(
      name: "ResNetSmall", model: ModelFixture.filled(ResNetSmall(key: key)), sample: [3, 12, 12],
      counts: [1, 3, 19]),
  ]

  /// Logits, and the gradient of a sum of squares of them, which no row knows from another's place.
  private static func results(_ plan: EvaluationPlan, _ x: Tensor) -> (logits: Tensor, gradient: Tensor) {
    plan.logitsAndInputGradient(at: x) { logits, _ in logits * 2 }
  }

  private static func bits(_ x: Tensor) -> [UInt32] { x.scalars.map(\.bitPattern) }

  // In a process of its own, because the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      for network in EvaluationPlanRunTests.networks {
        for count in network.counts {
          let digests = try [1, 2, 4, 8].map { threads in
            ThreadPool.threadCount = threads
            let (plan, x) = (try network.plan, network.inputs(count))
            let (logits, gradient) = EvaluationPlanRunTests.results(plan, x)
            var hash = SHA256()
            for part in [plan.logits(x), logits, gradient] { hash.update(part) }
            return hash.hexadecimal
          }
          #expect(Set(digests).count == 1, "\(network.name), \(count) samples")
        }
      }
    }
  }

  // What a prepared model answers for a sample does not depend on the others: the number of threads may decide how a
  // batch is cut because of it, and an attack on part of a batch is the attack on the whole.
  @Test(arguments: networks.indices) func aSamplesBitsDoNotDependOnItsCompany(index: Int) throws {
    let network = Self.networks[index]
    let (plan, x) = (try network.plan, network.inputs(network.counts.last!))
    let logits = plan.logits(x)
    let (sameLogits, slopes) = Self.results(plan, x)
    expectClose(sameLogits, logits)
    for rows in [0..<1, 1..<3, 2..<7, 0..<17, x.shape[0] - 1..<x.shape[0]] {
      let part = x[rows: rows]
      #expect(Self.bits(plan.logits(part)) == Self.bits(logits[rows: rows]), "\(network.name), \(rows)")
      let (partLogits, partSlopes) = Self.results(plan, part)
      #expect(Self.bits(partLogits) == Self.bits(sameLogits[rows: rows]), "\(network.name), \(rows)")
      #expect(Self.bits(partSlopes) == Self.bits(slopes[rows: rows]), "\(network.name), \(rows)")
    }
  }

  // Each sample's rows are asked for once, and the upstream gradient of row i reaches input i only.
  @Test(arguments: [1, 4, 5, 16, 17, 33, 100]) func rowsStayApart(count: Int) throws {
    let network = Self.networks[1]
    let (plan, x) = (try network.plan, network.inputs(count))
    let asked = Collected<Int>()
    let marked = count / 2
    let (_, slope) = plan.logitsAndInputGradient(at: x) { logits, rows in
      asked.add(Array(rows))
      var upstream = Tensor.zeros(shape: logits.shape)
      if rows.contains(marked) { upstream[marked - rows.lowerBound, 3] = 1 }
      return upstream
    }
    #expect(asked.list.sorted() == Array(0..<count))
    for row in 0..<count { #expect((slope[row: row].absolute().max() > 0) == (row == marked)) }
  }

  @Test(arguments: networks.indices) func emptyBatches(index: Int) throws {
    let network = Self.networks[index]
    let plan = try network.plan
    let x = network.inputs(0)
    #expect(plan.logits(x).shape == [0, 10])
    let (logits, slope) = plan.logitsAndInputGradient(at: x) { logits, _ in
      Issue.record("asked about no rows")
      return logits
    }
    #expect(logits.shape == [0, 10] && slope.shape == x.shape)
    let name = network.model.parameters[0].name.split(separator: ".").dropLast().joined(separator: ".")
    let kept = try network.model.prepared(for: network.sample, keeping: [name]).logitsAndActivations(x)
    #expect(kept.logits.shape == [0, 10] && kept.activations[name]?.shape[0] == 0)
  }

  // One plan, many callers: each computes with values of its own. The pool serves one of them, the others go alone. In a
  // process of its own, because the thread count is the whole process's.
  @Test func callersAtTheSameTime() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 3
      let network = EvaluationPlanRunTests.networks[0]
      let plan = try network.plan
      let batches = [1, 5, 17, 40].map { network.inputs($0) }
      let expected = batches.map { EvaluationPlanRunTests.results(plan, $0) }
      let failures = Collected<String>()
      let done = DispatchSemaphore(value: 0)
      for caller in 0..<4 {
        Thread.detachNewThread {
          for round in 0..<20 {
            let index = (caller + round) % batches.count
            let x = batches[index]
            let found = EvaluationPlanRunTests.results(plan, x)
            if found != expected[index] { failures.add(["\(x.shape) of caller \(caller)"]) }
            if plan.logits(x) != found.logits { failures.add(["logits of \(x.shape)"]) }
          }
          done.signal()
        }
      }
      for _ in 0..<4 { done.wait() }
      #expect(failures.list == [])
    }
  }

  // Logits and input gradients of a network with everything a plan keeps for the way back: places of maxima, residuals,
  // a layer that the plan does not know. In a process of its own, where no other test takes memory.
  @Test func tenThousandCallsNeedNoMoreMemory() async {
    await #expect(processExitsWith: .success) {
      /// Resident memory in bytes.
      func resident() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
      }
      // Two tasks at once take one scratch buffer more than two in turn, whenever that first happens.
      ThreadPool.threadCount = 1
      let key = RandomKey(seed: 93)
      let head: [any Layer] = [
        Convolution(inputs: 1, outputs: 4, kernel: 3, padding: 1, key: key), ReLU(), BatchNorm(channels: 4),
        MaxPool(2), BasicBlock(inputs: 4, outputs: 6, stride: 2, key: key), AveragePool(2),
      ]
      let tail: [any Layer] = [Flatten(), Linear(inputs: 6, outputs: 3, key: key)]
      // cut into chunks, and as one because of the layer without a plan
      let plans = try [head + tail, head + [GELU()] + tail].map {
        try Sequential($0).prepared(for: [1, 8, 8], keeping: ["3"])
      }
      let x = Tensor.uniform(shape: [20, 1, 8, 8], key: key)
      var buffers = 0
      var memory = 0
      for call in 0..<10_000 {
        for plan in plans {
          _ = plan.logitsAndActivations(x)
          _ = plan.logitsAndInputGradient(at: x) { logits, _ in logits }
        }
        if call == 10 { buffers = Tensor.freshBufferCount }
        if call == 1500 { memory = try resident() }
      }
      #expect(buffers > 0 && Tensor.freshBufferCount == buffers)
      let grown = try resident() - memory
      // 8,500 calls; 256 bytes kept a call, the smallest buffer, would be two mebibytes
      #expect(grown < 1 << 20, "\(grown) bytes more")
    }
  }
}

/// A list that several threads add to.
private final class Collected<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])
  func add(_ more: [Element]) { elements.withLock { $0 += more } }
  var list: [Element] { elements.withLock { $0 } }
}

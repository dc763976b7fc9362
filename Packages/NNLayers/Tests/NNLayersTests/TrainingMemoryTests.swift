import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct TrainingMemoryTests {
  // A tape that is kept, a gradient that is not recycled or a list that grows with the steps: any of them shows within
  // ten thousand steps. In a process of its own, where no other test takes memory.
  @Test func tenThousandStepsNeedNoMoreMemory() async {
    await #expect(processExitsWith: .success) {
      /// Resident memory in bytes.
      func resident() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
      }
      let key = RandomKey(seed: 8)
      let samples = Samples.clouds(count: 8000)
      var state = TrainingState(model: MLP(widths: [2, 8, 3], key: key), optimizer: Adam(learningRate: 1e-3))
      var loop = TrainingLoop(epochs: 10, batchSize: 8, key: key)
      loop.penalty = L2Penalty(lambda: 1e-4)
      loop.gradientNormLimit = 1
      var done = 0
      var (buffersAtStart, memoryAtStart) = (0, 0)
      var (buffersAtEnd, memoryAtEnd) = (0, 0)
      try loop.run(
        &state, on: samples,
        afterStep: { _, _, _ in
          done += 1
          if done == 20 { buffersAtStart = Tensor.freshBufferCount }
          if done == 1500 { memoryAtStart = try resident() }
          if done == 10_000 { (buffersAtEnd, memoryAtEnd) = (Tensor.freshBufferCount, try resident()) }
        })
      #expect(done == 10_000)
      #expect(buffersAtStart > 0 && buffersAtEnd == buffersAtStart)
      // 8,500 steps; 256 bytes kept a step, the smallest buffer, would be two mebibytes
      #expect(memoryAtEnd - memoryAtStart < 1 << 20, "from \(memoryAtStart) to \(memoryAtEnd) bytes")
    }
  }
}

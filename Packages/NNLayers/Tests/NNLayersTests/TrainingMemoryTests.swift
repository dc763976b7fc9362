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

  // Every kind of layer that keeps something for its gradient: places, masks, statistics, the sum of a residual block.
  @Test func convolutionalNetworksNeedNoNewBuffers() async {
    await #expect(processExitsWith: .success) {
      // Two tasks at once take one scratch buffer more than two in turn, whenever that first happens.
      ThreadPool.threadCount = 1
      let key = RandomKey(seed: 9)
      let model = Sequential(
        Convolution(inputs: 1, outputs: 6, kernel: 3, padding: 1, key: key), MaxPool(2), ReLU(),
        BasicBlock(inputs: 6, outputs: 8, stride: 2, key: key), BatchNorm(channels: 8),
        ChannelDropout(rate: 0.2),
        GroupNorm(groups: 2, channels: 8), GELU(), AveragePool(2), Flatten(), Dropout(rate: 0.2),
        Linear(inputs: 32, outputs: 3, key: key))
      let samples = Samples(
        inputs: .uniform(shape: [240, 1, 16, 16], key: key), labels: IntTensor((0..<240).map { $0 % 3 }),
        classCount: 3)
      var state = TrainingState(model: model, optimizer: SGD(learningRate: 0.01, momentum: 0.9))
      var counts: [Int] = []
      try TrainingLoop(epochs: 10, batchSize: 8, key: key).run(
        &state, on: samples, afterStep: { _, _, _ in counts.append(Tensor.freshBufferCount) })
      #expect(counts.count == 300 && counts[20] > 0 && counts[299] == counts[20])
    }
  }
}

import NNLayers
import TensorCore
import Testing

@Suite struct ScheduleTests {
  static let schedules: [(name: String, schedule: any LearningRateSchedule)] = [
    ("step", StepDecay(interval: 7, factor: 0.5)), ("exponential", ExponentialDecay(factor: 0.93)),
    ("cosine", CosineAnnealing(period: 60, minimum: 1e-3)),
  ]

  // A drop one epoch late or early, or a minimum that is added instead of approached.
  @Test(arguments: schedules.map(\.name)) func sixtyEpochsAgainstPyTorch(name: String) throws {
    let schedule = try #require(Self.schedules.first { $0.name == name }).schedule
    let rates = (0...60).map { Float(schedule.rate(base: 0.1, epoch: Double($0))) }
    // each against its own size, since the last rates are a hundredth of the first
    for (rate, expected) in zip(rates, try Reference.tensor("schedules/\(name)").scalars) {
      expectClose(Tensor(rate), Tensor(expected), within: 1e-6)
    }
  }

  // PyTorch's cosine would rise again; here the minimum stays.
  @Test func cosineStaysAtItsMinimum() {
    #expect(CosineAnnealing(period: 10, minimum: 0.25).rate(base: 1, epoch: 25) == 0.25)
    #expect(CosineAnnealing(period: 10).rate(base: 1, epoch: 10) == 0)
    #expect(CosineAnnealing(period: 10, minimum: 0.25).rate(base: 1, epoch: 5) == 0.625)
  }

  // Within an epoch the stairs stand still and the cosine moves.
  @Test func timesWithinAnEpoch() {
    #expect(StepDecay(interval: 2, factor: 0.5).rate(base: 1, epoch: 3.999) == 0.5)
    #expect(StepDecay(interval: 2, factor: 0.5).rate(base: 1, epoch: 4) == 0.25)
    #expect(CosineAnnealing(period: 1).rate(base: 2, epoch: 0.5) == 1)
    #expect(StepDecay(interval: 1).factor == 0.1)
  }

  // 4 epochs from 0.2 to 1, then the stairs from their beginning, not from epoch 4.
  @Test func warmUpByHand() {
    let schedule = LinearWarmUp(duration: 4, start: 0.2, then: StepDecay(interval: 3, factor: 0.5))
    let expected = [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    for (epoch, rate) in expected.enumerated() {
      #expect(abs(schedule.rate(base: 10, epoch: Double(epoch)) - 10 * rate) < 1e-12)
    }
    #expect(LinearWarmUp(duration: 2).rate(base: 3, epoch: 0) == 0)
    #expect(LinearWarmUp(duration: 2).rate(base: 3, epoch: 7) == 3)
    #expect(LinearWarmUp(duration: 0).rate(base: 3, epoch: 0) == 3)
  }

  @Test func constantRate() { #expect(ConstantRate().rate(base: 0.3, epoch: 99) == 0.3) }

  @Test func emptyPeriodsAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = StepDecay(interval: 0) }
    await #expect(processExitsWith: .failure) { _ = CosineAnnealing(period: 0) }
  }
}

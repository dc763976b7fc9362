import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct SparsityAllocationTests {
  private typealias Weights = [(name: String, shape: Shape)]
  private static let three: Weights = [("a", [2, 5]), ("b", [4, 5]), ("c", [7, 10])]

  // 33 of 100: 3.3, 6.6, 23.1; the one that is left goes to the largest remainder.
  @Test func uniform() throws {
    #expect(try BudgetedAllocation().counts(pruning: 33, of: Self.three) == [3, 7, 23])
    #expect(try BudgetedAllocation().counts(pruning: 0, of: Self.three) == [0, 0, 0])
    #expect(try BudgetedAllocation().counts(pruning: 100, of: Self.three) == [10, 20, 70])
    // 5 of 20, twice a quarter of ten: equal remainders, the earlier first
    #expect(try BudgetedAllocation().counts(pruning: 5, of: [("a", [10, 1]), ("b", [10, 1])]) == [3, 2])
  }

  // λ (10 + 2 · 20 + 0.5 · 70) = 34 → λ = 0.4: 4, 16, 14. With 68 b would be over-full: it is set aside at 20, and
  // λ (10 + 35) = 48 fills a with 10 as well, so c gets 38. A limit of one half for b leaves λ · 45 = 24: 5.33, 10, 18.67.
  @Test func factorsAndLimits() throws {
    let factors = ["b": 2.0, "c": 0.5]
    #expect(try BudgetedAllocation(factors: factors).counts(pruning: 34, of: Self.three) == [4, 16, 14])
    #expect(try BudgetedAllocation(factors: factors).counts(pruning: 68, of: Self.three) == [10, 20, 38])
    let limited = BudgetedAllocation(factors: factors, limits: ["b": 0.5])
    #expect(try limited.counts(pruning: 34, of: Self.three) == [5, 10, 19])
    let spared = BudgetedAllocation(factors: ["c": 0])
    #expect(try spared.counts(pruning: 15, of: Self.three) == [5, 10, 0])
    #expect(throws: InputError.self) { try spared.counts(pruning: 31, of: Self.three) }
    #expect(throws: InputError.self) {
      try BudgetedAllocation(limits: ["d": 1]).counts(pruning: 1, of: Self.three)
    }
  }

  // Sums of sizes 20 and 200. Kept 1,010 of 10,100: ε = 1010 / 220, so 91.8 and 918.2. Kept 2,020: the small one would need
  // 183.6 of 100; it stays dense and the other keeps 1,920.
  @Test func erdosRenyiByHand() {
    let weights: Weights = [("a", [10, 10]), ("b", [100, 100])]
    #expect(ErdosRenyiKernel().counts(pruning: 10_100 - 1_010, of: weights) == [8, 10_000 - 918])
    #expect(ErdosRenyiKernel().counts(pruning: 10_100 - 2_020, of: weights) == [0, 10_000 - 1_920])
  }

  @Test(arguments: [50, 80, 95]) func erdosRenyiByBisection(percent: Int) throws {
    func check(_ model: some Layer, _ name: String) throws {
      let expected = try Reference.tensor("erk/\(name)_\(percent)").scalars
      var pruned = model
      try Pruner(allocation: ErdosRenyiKernel()).prune(&pruned, to: Double(percent) / 100)
      let report = SparsityReport(of: pruned)
      #expect(report.rows.count == expected.count)
      // the fixture is rounded to float32: 600,000 has steps of 1/16
      for (row, kept) in zip(report.rows, expected) {
        #expect(abs(Double(row.nonzeroCount) - Double(kept)) < 1.1, "\(row.name)")
      }
      #expect(
        abs(report.sparsity * Double(report.prunableCount) - Double(percent * report.prunableCount) / 100) < 1
      )
    }
    try check(SimpleCNN(key: RandomKey(seed: 1)), "simple_cnn")
    try check(ResNetSmall(key: RandomKey(seed: 1)), "resnet_small")
  }

  // By hand: of 4, 8 and 12 weights the first parameter has lost all. Of 12 they would lose 2, 4 and 6; the first keeps
  // its 4, and the 8 that are left are divided as 4 to 6: 3.2 and 4.8.
  @Test func whatIsLostStaysLost() throws {
    let key = RandomKey(seed: 5)
    var model = Sequential(
      Linear(inputs: 2, outputs: 2, key: key), Linear(inputs: 2, outputs: 4, key: key),
      Linear(inputs: 4, outputs: 3, key: key))
    try Pruner().prune(&model, toEach: ["0.weight": 1])
    try Pruner(allocation: BudgetedAllocation()).prune(&model, to: 0.5)
    let zeros = SparsityReport(of: model).rows.map { $0.count - $0.nonzeroCount }
    #expect(zeros == [4, 3, 5])
  }

  // Rounded parts need not grow in step with the total: every step must go through all the same, and be exact.
  @Test func manySmallSteps() throws {
    for allocation in [BudgetedAllocation(factors: ["4.weight": 0.3]), ErdosRenyiKernel()]
      as [any SparsityAllocation]
    {
      var model = try Reference.network()
      for count in 400...480 {
        try Pruner(allocation: allocation).prune(&model, to: Double(count) / 1560)
        let report = SparsityReport(of: model)
        #expect(report.nonzeroParameterCount == report.parameterCount - count)
      }
    }
  }

  // The request is met over all layers together, whatever each one's rounding; a wholly pruned layer may stay at its limit.
  @Test func totalsAreExactAndGrow() throws {
    let allocations: [any SparsityAllocation] = [
      GlobalRanking(), BudgetedAllocation(), BudgetedAllocation(factors: ["classifier.4.weight": 0.5]),
      ErdosRenyiKernel(),
    ]
    for allocation in allocations {
      var model = SimpleCNN(key: RandomKey(seed: 2)).asTrained()
      for sparsity in [0.123, 0.5, 0.9] {
        try Pruner(allocation: allocation).prune(&model, to: sparsity)
        let zeros = SparsityReport(of: model).rows.reduce(0) { $0 + $1.count - $1.nonzeroCount }
        #expect(abs(Double(zeros) - sparsity * 619_872) <= 0.5, "\(allocation) \(sparsity)")
      }
    }
  }
}

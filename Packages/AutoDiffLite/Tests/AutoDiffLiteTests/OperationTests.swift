import AutoDiffLite
import Foundation
import TensorCore
import Testing

@Suite struct OperationTests {
  // An operation without a reference would be trusted unseen. Both directions: a row whose operation is gone
  // would be dead.
  @Test func everyPublicOperationIsTested() throws {
    let declared = try Operation.declarationsInSources()
    #expect(declared.count >= 40, "only \(declared.count) operations were found in the sources")
    #expect(declared.subtracting(Operation.all.map(\.declaration)) == [], "operations without a test")
    #expect(Set(Operation.all.map(\.declaration)).subtracting(declared) == [], "tests without an operation")
  }

  @Test func everyFixtureIsUsed() throws {
    let file = try FixtureCase.file.get()
    #expect(Set(file.names.map { String($0.split(separator: "/")[0]) }) == Set(Operation.all.map(\.key)))
    #expect(file.metadata["torch"]?.hasPrefix("2.13.0") == true)
  }

  // Upstream gradients are random, so a lost factor, a swapped operand or a wrong axis cannot cancel.
  @Test(arguments: Operation.all.map(\.key)) func agreesWithPyTorch(key: String) throws {
    let operation = try #require(Operation.all.first { $0.key == key })
    for fixture in try FixtureCase.all(of: key) {
      let leaves = fixture.inputs.map(Variable.leaf)
      let y = operation.apply(leaves, fixture)
      #expect(!y.isConstant)
      expectClose(y.value, fixture.output, "\(key)/\(fixture.name)")
      let gradients = y.gradients(withRespectTo: leaves, upstream: fixture.upstream)
      for (i, (gradient, expected)) in zip(gradients, fixture.gradients).enumerated() {
        expectClose(gradient, expected, "\(key)/\(fixture.name), input \(i)")
      }
    }
  }

  // Each input alone on the tape gets the same bits as beside the others, and constants stay off the tape.
  @Test(arguments: Operation.all.map(\.key)) func worksWithConstants(key: String) throws {
    let operation = try #require(Operation.all.first { $0.key == key })
    for fixture in try FixtureCase.all(of: key) {
      let leaves = fixture.inputs.map(Variable.leaf)
      let together = operation.apply(leaves, fixture)
        .gradients(withRespectTo: leaves, upstream: fixture.upstream)
      for i in leaves.indices {
        let mixed = leaves.indices.map { $0 == i ? leaves[$0] : Variable(fixture.inputs[$0]) }
        let alone = operation.apply(mixed, fixture)
          .gradients(withRespectTo: [leaves[i]], upstream: fixture.upstream)
        #expect(alone == [together[i]], "\(key)/\(fixture.name), input \(i)")
      }
      let constant = operation.apply(fixture.inputs.map { Variable($0) }, fixture)
      #expect(constant.isConstant)
      expectClose(constant.value, fixture.output, "\(key)/\(fixture.name)")
    }
  }

  @Test(arguments: Operation.all.map(\.key)) func agreesWithDifferences(key: String) throws {
    let operation = try #require(Operation.all.first { $0.key == key })
    for fixture in try FixtureCase.all(of: key) where !fixture.isAtBend {
      let check = GradientCheck.run(at: fixture.inputs, key: RandomKey(seed: 1), elements: 12) {
        operation.apply($0, fixture)
      }
      #expect(check.passed, "\(key)/\(fixture.name): \(check)")
    }
  }

  private func expectClose(
    _ value: Tensor, _ expected: Tensor, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let mismatch = value.mismatch(with: expected, relativeToLargest: 1e-5)
    #expect(mismatch == nil, "\(name)", sourceLocation: sourceLocation)
  }
}

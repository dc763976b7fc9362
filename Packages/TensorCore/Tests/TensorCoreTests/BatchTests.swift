import TensorCore
import Testing

@Suite struct BatchTests {
  private func batch(_ last: Float, label: Int = 1) -> Batch {
    Batch(
      inputs: Tensor([[0, 0.5, 1], [0.25, 0.75, last]]), labels: IntTensor([0, label]), indices: [30, 47])
  }

  // Which sample of the data set, which element, and what stood there: what a user needs to find the file.
  @Test func inputsOutOfRangeAreNamed() throws {
    try batch(1).checkInputs(in: 0...1)
    try batch(1.5).checkInputs(in: -Float.infinity...Float.infinity)
    for value: Float in [Float(1).nextUp, -.leastNonzeroMagnitude, .nan, .infinity] {
      let error = try #require(throws: InputError.self) { try batch(value).checkInputs(in: 0...1, "picture") }
      #expect(error.kind == .outOfRange)
      #expect("\(error)".contains("picture, sample 47") && "\(error)".contains("\(value) at element 2"))
    }
    // a range without ends still holds only finite numbers
    #expect(throws: InputError.self) {
      try batch(.infinity).checkInputs(in: -Float.infinity...Float.infinity)
    }
    try Batch(inputs: Tensor.zeros(shape: [0, 3]), labels: IntTensor([]), indices: []).checkInputs(in: 1...2)
  }

  @Test func labelsThatAreNoClassAreNamed() throws {
    try batch(1).checkLabels(classCount: 2)
    for label in [2, -1] {
      let error = try #require(throws: InputError.self) {
        try batch(1, label: label).checkLabels(classCount: 2)
      }
      #expect("\(error)".contains("sample 47") && "\(error)".contains("\(label)"))
    }
  }
}

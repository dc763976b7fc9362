import Defenses
import TensorCore
import Testing

@Suite struct InputValidatorTests {
  private let validator = InputValidator(shape: [3, 4, 4])

  @Test func validInputsPass() throws {
    try validator.check(.zeros(shape: [1, 3, 4, 4]))
    try validator.check(Tensor(repeating: 1, shape: [5, 3, 4, 4]))
  }

  // Each is a way in which a request reaches a model that was never measured there.
  @Test func othersAreRefused() throws {
    func refuses(_ x: Tensor, _ kind: InputError.Kind, _ word: String) throws {
      let error = try #require(throws: InputError.self) { try validator.check(x) }
      #expect(error.kind == kind && error.description.contains(word), "\(error)")
    }
    try refuses(.zeros(shape: [3, 4, 4]), .mismatch, "[3, 4, 4]")
    try refuses(.zeros(shape: [1, 3, 4, 5]), .mismatch, "[1, 3, 4, 5]")
    try refuses(.zeros(shape: [0, 3, 4, 4]), .mismatch, "one or more")
    for (value, word) in [(Float.nan, "nan"), (.infinity, "inf"), (1.001, "1.001"), (-0.001, "-0.001")] {
      var x = Tensor.zeros(shape: [2, 3, 4, 4])
      x[1, 0, 0, 2] = value
      try refuses(x, .outOfRange, word)
      try refuses(x, .outOfRange, "sample 1")
      try refuses(x, .outOfRange, "element 2")
    }
  }
}

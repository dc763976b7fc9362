import Foundation
import Testing
import TensorCore

@testable import Reporting

@Suite struct JSONValueTests {
  @Test func writing() {
    let value: JSONValue = [
      "z": 1, "a": [1, 2.5, "x", true, nil], "empty": [:], "none": [], "deep": [["b": .number(Float(0.1))]],
    ]
    // Sorted names, or a Float widened to 0.10000000149011612, would show.
    let expected = """
      {
        "z": 1,
        "a": [1, 2.5, "x", true, null],
        "empty": {},
        "none": [],
        "deep": [
          {
            "b": 0.1
          }
        ]
      }

      """
    #expect(value.document == expected)
  }

  @Test func numbersThatJSONCannotHold() {
    let values: JSONValue = .array([.number(Double.nan), .number(Double.infinity), .number(-Double.infinity)])
    #expect(values.document == "[null, null, null]\n")
  }

  @Test func textIsEscaped() {
    let text = JSONValue.string("a\"b\\c\n\t\r\u{1}/é→😀")
    #expect(text.document == #""a\"b\\c\n\t\r\u0001/é→😀""# + "\n")
  }

  @Test(arguments: [
    0.1, -0.0, Double.leastNonzeroMagnitude, 2.2250738585072014e-308, 1.7976931348623157e308, 123456789.125,
    1e16, 1e22, -2.5e-7,
    0.30000000000000004,
  ])
  func numbersComeBackExactly(_ number: Double) throws {
    let back = try JSONValue(parsing: Data(JSONValue.number(number).document.utf8), name: "n")
    #expect(back.double?.bitPattern == number.bitPattern)
  }

  @Test func reading() throws {
    let text =
      #" { "a" : [ 1 , -2.5e1, "\u00e9\ud83d\ude00\/", true, false, null ], "b":{} , "big":9223372036854775808 } "#
    let value = try JSONValue(parsing: Data(text.utf8), name: "t")
    let expected: JSONValue = [
      "a": [1, -25.0, "é😀/", true, false, nil], "b": [:], "big": 9223372036854775808.0,
    ]
    #expect(value == expected)
    #expect(try JSONValue(parsing: Data(value.document.utf8), name: "t") == value)
  }

  // Each of these is accepted by some lenient reader.
  @Test(arguments: [
    "", " ", "{", "[1,]", "[1 2]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "1.", ".5", "+1", "-", "1e",
    "nul", "truee",
    "\"abc", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "1 2",
    "{\"a\":1,\"a\":2}", "1e999", "[", "NaN", "\u{FEFF}1",
  ])
  func damageIsReported(_ text: String) {
    #expect {
      try JSONValue(parsing: Data(text.utf8), name: "broken.json")
    } throws: { error in
      (error as? InputError)?.kind == .damaged && (error as? InputError)?.subject == "broken.json"
    }
  }

  @Test func badUTF8AndDepth() {
    #expect(throws: InputError.self) { try JSONValue(parsing: Data([0x22, 0xFF, 0x22]), name: "x") }
    // Without a limit this many levels overflow the stack.
    let deep = String(repeating: "[", count: 1_000_000)
    #expect(throws: InputError.self) { try JSONValue(parsing: Data(deep.utf8), name: "x") }
  }

  @Test func membersKeepTheirPlace() {
    var object: JSONObject = ["a": 1, "b": 2, "c": 3]
    object["b"] = nil
    object["a"] = 10
    object["b"] = 4
    #expect(object.names == ["a", "c", "b"])
    #expect(object["a"] == 10)
  }
}

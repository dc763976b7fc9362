import Foundation

/// Text made safe for HTML.
enum HTML {
  /// Running text: escaped, and no line ends between a number and its percent sign.
  static func prose(_ text: String) -> String { escaped(text).replacing(" %", with: "\u{A0}%") }

  /// Text for an element or a quoted attribute.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Control characters are not allowed in HTML, not even as references.
      case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

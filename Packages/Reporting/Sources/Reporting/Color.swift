import Foundation

/// A colour of the screen: 8-bit sRGB.
public struct Color: Sendable, Hashable {
  /// 0 to 255.
  public let red: UInt8
  /// 0 to 255.
  public let green: UInt8
  /// 0 to 255.
  public let blue: UInt8

  /// A colour from its parts.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// A colour written as in CSS, `Color(0x0072B2)`: two hexadecimal digits each for red, green and blue.
  public init(_ digits: UInt32) {
    self.init(red: UInt8(digits >> 16 & 255), green: UInt8(digits >> 8 & 255), blue: UInt8(digits & 255))
  }

  /// The three samples of a pixel.
  public var samples: [UInt8] { [red, green, blue] }

  /// `#0072b2`
  public var hexadecimal: String { String(format: "#%02x%02x%02x", red, green, blue) }

  /// Brightness as the eye weighs it, 0 black to 1 white (relative luminance of WCAG 2).
  public var luminance: Double {
    func linear(_ sample: UInt8) -> Double {
      let value = Double(sample) / 255
      return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }

  /// Near-black or white, whichever stands out more on this colour.
  public var legibleText: Color {
    let dark = Color(0x1A1A1A)
    let onDark = (luminance + 0.05) / (dark.luminance + 0.05)
    let onWhite = 1.05 / (luminance + 0.05)
    return onDark >= onWhite ? dark : .white
  }

  /// White.
  public static let white = Color(0xFFFFFF)
  /// Black.
  public static let black = Color(0x000000)
  /// The green of frames around right answers.
  public static let right = Color(0x1A9850)
  /// The red of frames around wrong answers.
  public static let wrong = Color(0xD73027)

  /// Colours for series, told apart also by readers who do not see all colours, and on white paper.
  ///
  /// The first six are the set of Okabe and Ito ("Color Universal Design", 2008) without its yellow, which white
  /// swallows.
  public static let series: [Color] = [
    Color(0x0072B2), Color(0xD55E00), Color(0x009E73), Color(0xCC79A7), Color(0xE69F00), Color(0x56B4E9),
    Color(0x882255), Color(0x7F7F00), Color(0x332288), Color(0x666666),
  ]
}

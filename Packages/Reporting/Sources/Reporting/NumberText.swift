import Foundation

/// How numbers are written for people: a point, no grouping, in every language setting.
enum NumberText {
  /// With a fixed number of decimals; `-0.00` loses its sign; `nan`, `inf` and `-inf` otherwise.
  static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return plain(value) }
    let text = String(format: "%.\(decimals)f", value)
    return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) }
      ? String(text.dropFirst()) : text
  }

  /// With a fixed number of significant digits, without trailing zeros, with an exponent only where `%g` needs it.
  static func significant(_ value: Double, digits: Int = 3) -> String {
    guard value.isFinite else { return plain(value) }
    return value == 0 ? "0" : String(format: "%.\(digits)g", value)
  }

  /// A fraction as a percentage, `97.35 %`.
  static func percent(_ fraction: Double, decimals: Int) -> String {
    fixed(fraction * 100, decimals: decimals) + (fraction.isFinite ? " %" : "")
  }

  /// With a sign also when it is positive, none when it is zero.
  static func signed(_ value: Double, decimals: Int) -> String {
    let text = fixed(value, decimals: decimals)
    return value > 0 && text.contains { ("1"..."9").contains($0) } ? "+" + text : text
  }

  /// The shortest digits that read back exactly.
  static func plain(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    return value.isInfinite ? (value < 0 ? "-inf" : "inf") : "\(value)"
  }

  /// A time for people: `0.8 s`, `42 s`, `3 min 05 s`, `2 h 07 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
    if seconds < 9.95 { return fixed(seconds, decimals: 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
  }

  private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

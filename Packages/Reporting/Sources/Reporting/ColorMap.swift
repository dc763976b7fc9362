/// Colours for the numbers from 0 to 1, linear in sRGB between evenly spaced stops.
public struct ColorMap: Sendable, Hashable {
  /// The colours at 0, 1/(n − 1), …, 1.
  public let stops: [Color]

  /// A map through these colours.
  ///
  /// - Precondition: there are at least two.
  public init(stops: [Color]) {
    precondition(stops.count >= 2, "ColorMap: expected at least two stops, got \(stops.count)")
    self.stops = stops
  }

  /// The colour of a number; outside [0, 1] the end's colour. NaN is magenta, which no map here contains, so that it
  /// is seen.
  public func color(at position: Double) -> Color {
    guard !position.isNaN else { return Color(0xFF00FF) }
    let place = min(max(position, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let (a, b, share) = (stops[index], stops[index + 1], place - Double(index))
    func mixed(_ a: UInt8, _ b: UInt8) -> UInt8 {
      UInt8((Double(a) * (1 - share) + Double(b) * share).rounded())
    }
    return Color(red: mixed(a.red, b.red), green: mixed(a.green, b.green), blue: mixed(a.blue, b.blue))
  }

  /// Black to white.
  public static let greys = ColorMap(stops: [.black, .white])

  /// White to dark blue, for counts and shares with numbers printed on them.
  public static let blues = ColorMap(stops: [
    .white, Color(0xDEEBF7), Color(0xC6DBEF), Color(0x9ECAE1), Color(0x6BAED6), Color(0x4292C6),
    Color(0x2171B5),
    Color(0x08519C), Color(0x08306B),
  ])

  /// Black through purple and orange to pale yellow, evenly brighter all the way: for saliency and other heat maps.
  public static let embers = ColorMap(stops: [
    Color(0x000004), Color(0x1B0C41), Color(0x4A0C6B), Color(0x781C6D), Color(0xA52C60), Color(0xCF4446),
    Color(0xED6925), Color(0xFB9B06), Color(0xF7D13D), Color(0xFCFFA4),
  ])

  /// Blue for negative, white for zero, red for positive: for signed values on a symmetric scale.
  public static let blueWhiteRed = ColorMap(stops: [
    Color(0x053061), Color(0x2166AC), Color(0x4393C3), Color(0x92C5DE), Color(0xD1E5F0), .white,
    Color(0xFDDBC7),
    Color(0xF4A582), Color(0xD6604D), Color(0xB2182B), Color(0x67001F),
  ])
}

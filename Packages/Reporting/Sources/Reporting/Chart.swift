import Foundation
import TensorCore

/// A picture that gnuplot draws: `LineChart`, `BarChart`, `HeatMap`.
public protocol Chart: Sendable {
  /// The heading, also what error messages call the chart.
  var title: String { get }
  /// Width and height in pixels.
  var size: (width: Int, height: Int) { get }
  /// Gnuplot commands from the axes to the plot; terminal, fonts and title stand before them.
  ///
  /// - Throws: `InputError` when the values cannot be drawn.
  func commands() throws -> String
}

extension Chart {
  /// The chart as a PNG file's bytes.
  ///
  /// - Throws: `InputError`: `.missing` without gnuplot, `.outOfRange` without a drawable value, `.damaged` when
  ///   gnuplot fails.
  public func pngData() throws -> Data {
    let commands = try commands()
    return try Gnuplot().png(script: ChartStyle.preamble(title: title, size: size) + commands, subject: title)
  }

  /// Writes the chart as a PNG file, whole or not at all.
  ///
  /// - Throws: as `pngData()`, and `InputError.unwritable` naming the path.
  public func writePNG(to url: URL) throws { try AtomicFile.write(pngData(), to: url) }
}

/// What all charts share.
enum ChartStyle {
  static let font = "DejaVu Sans"
  static let ink = Color(0x262626)
  static let quietInk = Color(0x595959)
  static let grid = Color(0xE4E4E4)
  static let border = Color(0x9A9A9A)

  static func preamble(title: String, size: (width: Int, height: Int)) -> String {
    // A bold letter of 15 points is about 12 pixels wide; long headings get smaller ones.
    let titlePoints = min(15, max(8, 15 * size.width / (12 * max(title.count, 1))))
    return """
      set encoding utf8
      set decimalsign '.'
      if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {
        set terminal pngcairo noenhanced truecolor background rgb '#ffffff' fontscale 1 linewidth 1 \
      rounded font '\(font),12' size \(size.width),\(size.height)
      } else {
        set terminal png noenhanced truecolor background rgb '#ffffff' font '\(font),12' size \(size.width),\(size.height)
      }
      set border 3 linewidth 1 linecolor rgb '\(border.hexadecimal)'
      set tics nomirror scale 0.6 textcolor rgb '\(quietInk.hexadecimal)'
      set grid xtics ytics linetype 1 linewidth 1 linecolor rgb '\(grid.hexadecimal)'
      set style textbox opaque noborder fillcolor rgb '#ffffff' margins 0.4, 0.3
      set title \(Gnuplot.quoted(title)) font '\(font):Bold,\(titlePoints)' textcolor rgb '\(ink.hexadecimal)' offset 0,0.4

      """
  }

  /// The colour of series number `index`, counted around the palette.
  static func color(_ index: Int) -> Color { Color.series[index % Color.series.count] }
}

/// A chart's axis.
public struct Axis: Sendable, Hashable {
  /// How values become places.
  public enum Scale: Sendable, Hashable {
    /// Equal steps for equal differences.
    case linear
    /// Equal steps for equal ratios; values of 0 and below are left out.
    case logarithmic
  }

  /// What the values are.
  public enum Unit: Sendable, Hashable {
    /// Plain numbers.
    case plain
    /// Fractions, drawn as percentages.
    case percent
  }

  /// What the axis shows, with the unit.
  public var title: String
  /// How values become places.
  public var scale: Scale
  /// What the values are.
  public var unit: Unit
  /// The part that is shown, in the values' own unit; nil for all that the data need.
  public var range: ClosedRange<Double>?

  /// An axis.
  public init(_ title: String, scale: Scale = .linear, unit: Unit = .plain, range: ClosedRange<Double>? = nil)
  {
    self.title = title
    self.scale = scale
    self.unit = unit
    self.range = range
  }

  /// A value as it is handed to gnuplot; NaN where this axis cannot show it.
  func placed(_ value: Double) -> Double {
    guard value.isFinite, scale == .linear || value > 0 else { return .nan }
    return unit == .percent ? value * 100 : value
  }

  /// Commands for this axis.
  ///
  /// - Parameter letter: `x` or `y`.
  func commands(_ letter: String, automaticRange: String = "*:*") -> String {
    // A bound that the axis cannot have, such as 0 on a logarithmic one, is left to gnuplot.
    func bound(_ value: Double) -> String { placed(value).isNaN ? "*" : "\(placed(value))" }
    let shown = range.map { "\(bound($0.lowerBound)):\(bound($0.upperBound))" }
    return """
      set \(letter)label \(Gnuplot.quoted(title)) textcolor rgb '\(ChartStyle.ink.hexadecimal)'
      set format \(letter) '\(unit == .percent ? "%g %%" : "%g")'
      \(scale == .logarithmic ? "set logscale \(letter) 10" : "unset logscale \(letter)")
      set \(letter)range [\(shown ?? automaticRange)]

      """
  }
}

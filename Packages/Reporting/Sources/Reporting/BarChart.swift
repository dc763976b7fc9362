import TensorCore

/// Bars side by side for a few categories, with error bars.
///
///     var chart = BarChart("Robust accuracy", categories: ["clean", "FGSM", "PGD"], y: Axis("Accuracy", unit: .percent))
///     chart.series.append(BarChart.Series("standard", rates: [clean, fgsm, pgd]))
public struct BarChart: Chart {
  /// Bars of one colour, one a category.
  public struct Series: Sendable, Hashable {
    /// Its name in the legend.
    public var name: String
    /// The heights; NaN leaves a place empty.
    public var values: [Double]
    /// The ends of the error bars; nil for none.
    public var intervals: [ClosedRange<Double>?]

    /// Bars.
    ///
    /// - Precondition: as many intervals as values, or nil.
    public init(_ name: String, values: [Double], intervals: [ClosedRange<Double>?]? = nil) {
      let intervals = intervals ?? Array(repeating: nil, count: values.count)
      precondition(
        intervals.count == values.count,
        "BarChart: series \"\(name)\" has \(values.count) values and \(intervals.count) intervals")
      self.name = name
      self.values = values
      self.intervals = intervals
    }

    /// Rates of counted cases with their 95 % Clopper-Pearson intervals; a count of 0 leaves the place empty.
    public init(_ name: String, rates: [Proportion]) {
      let counted = rates.map { CountedRate(successes: $0.successes, count: $0.count) }
      self.init(name, values: counted.map { $0.estimate ?? .nan }, intervals: counted.map(\.interval))
    }
  }

  /// The heading.
  public var title: String
  /// Width and height in pixels.
  public var size: (width: Int, height: Int) = (1000, 640)
  /// Names of the groups of bars.
  public var categories: [String]
  /// What the categories are; empty for no title.
  public var categoryTitle: String
  /// The vertical axis.
  public var y: Axis
  /// The bars.
  public var series: [Series] = []
  /// True to print each value over its bar.
  public var showsValues = true

  /// A chart without bars.
  public init(_ title: String, categories: [String], categoryTitle: String = "", y: Axis) {
    self.title = title
    self.categories = categories
    self.categoryTitle = categoryTitle
    self.y = y
  }

  /// The bars as gnuplot commands.
  ///
  /// - Throws: `InputError.outOfRange` when no value is finite.
  /// - Precondition: each series has one value a category.
  public func commands() throws -> String {
    for one in series {
      precondition(
        one.values.count == categories.count,
        "BarChart: series \"\(one.name)\" has \(one.values.count) values for \(categories.count) categories")
    }
    let ends = series.flatMap { one in
      one.values.map { y.placed($0) }
        + one.intervals.compactMap { $0 }.flatMap { [$0.lowerBound, $0.upperBound] }
        .map { y.placed($0) }
    }.filter { !$0.isNaN }
    guard let highest = ends.max(), let lowest = ends.min() else {
      throw InputError(
        .outOfRange, "chart \"\(title)\"", expected: "a finite value", found: "none in \(series.count) series"
      )
    }

    // Bars begin at zero unless the caller says otherwise; the room above is for the printed values.
    let low = lowest < 0 ? lowest * 1.2 : 0
    let high = highest > 0 ? highest * 1.12 : lowest < 0 ? 0 : 1
    let range = y.scale == .logarithmic ? "*:*" : "\(low):\(high)"
    let ink = ChartStyle.ink.hexadecimal
    let ticks = categories.enumerated().map { "\(Gnuplot.quotedTick($1)) \($0)" }.joined(separator: ", ")
    let isCrowded = categories.reduce(0) { $0 + $1.count + 3 } * 9 > size.width
    var script = y.commands("y", automaticRange: range)
    script += """
      set xlabel \(Gnuplot.quoted(categoryTitle)) textcolor rgb '\(ink)'
      set xrange [-0.6:\(Double(categories.count) - 0.4)]
      set xtics (\(ticks)) scale 0 \(isCrowded ? "rotate by 35 right" : "norotate") textcolor rgb '\(ink)'
      set grid noxtics
      \(isCrowded ? "set lmargin \(max(10, (categories.map(\.count).max() ?? 0) * 3 / 4))" : "")
      \(lowest < 0 ? "set xzeroaxis linetype 1 linecolor rgb '\(ChartStyle.border.hexadecimal)'" : "")
      \(series.count > 1 ? "set key outside right top vertical Left reverse samplen 1.2 spacing 1.25 textcolor rgb '\(ink)'" : "unset key")

      """
    let width = 0.8 / Double(series.count)
    var plots: [String] = []
    for (index, one) in series.enumerated() {
      let offset = (Double(index) - Double(series.count - 1) / 2) * width
      let places = categories.indices.map { Double($0) + offset }
      let heights = one.values.map { y.placed($0) }
      script += LineChart.block("bars\(index)", zip(places, heights).map { [$0, $1] })
      plots.append(
        "$bars\(index) using 1:2:(\(width * 0.9)) with boxes fillstyle solid 1 noborder "
          + "linecolor rgb '\(ChartStyle.color(index).hexadecimal)' title \(Gnuplot.quoted(one.name))")
      // Arrows with flat heads: gnuplot's own error bars leave a white dot on the bar.
      for (place, interval) in zip(places, one.intervals) {
        guard let interval else { continue }
        let (low, high) = (y.placed(interval.lowerBound), y.placed(interval.upperBound))
        guard !low.isNaN, !high.isNaN else { continue }
        script += "set arrow from first \(place), first \(low) to first \(place), first \(high) heads "
        script += "size screen 0.006,90 front linewidth 1.4 linecolor rgb '\(ink)'\n"
      }
      if showsValues {
        script += valueLabels(of: one, firstTag: index * categories.count + 1, places: places)
      }
    }
    return script + "plot \(plots.joined(separator: ", \\\n  "))\n"
  }

  private func valueLabels(of one: Series, firstTag: Int, places: [Double]) -> String {
    // More than about thirty numbers in a row cannot be read.
    guard categories.count * series.count <= 30 else { return "" }
    var script = ""
    for (index, value) in one.values.enumerated() where !y.placed(value).isNaN {
      let isNegative = value < 0
      let edge = one.intervals[index].map { isNegative ? $0.lowerBound : $0.upperBound } ?? value
      let end = isNegative ? min(edge, value) : max(edge, value)
      let text =
        y.unit == .percent ? NumberText.percent(value, decimals: 1) : NumberText.significant(value, digits: 3)
      script +=
        "set label \(firstTag + index) \(Gnuplot.quoted(text)) at first \(places[index]), first \(y.placed(end)) center "
      script += "offset 0,\(isNegative ? -0.8 : 0.7) front font ',10' "
      script += "textcolor rgb '\(ChartStyle.ink.hexadecimal)'\n"
    }
    return script
  }
}

import TensorCore

/// Curves over a common axis.
///
///     var chart = LineChart("Test loss", x: Axis("Epoch"), y: Axis("Cross-entropy"))
///     chart.series.append(LineChart.Series("train", y: trainLosses, style: .dashed, color: 0))
///     chart.series.append(LineChart.Series("test", y: testLosses, color: 0))
///     chart.points.append(LineChart.Point(x: 14, y: 0.066, label: "best", color: 0))
public struct LineChart: Chart {
  /// How a curve is drawn.
  public enum Style: Sendable, Hashable {
    /// A continuous line.
    case solid
    /// A dashed line.
    case dashed
    /// A dotted line.
    case dotted
    /// No line, only the points.
    case unconnected
  }

  /// One curve.
  public struct Series: Sendable, Hashable {
    /// Its name in the legend; empty leaves it out of the legend.
    public var name: String
    /// Where the values stand.
    public var x: [Double]
    /// The values; NaN leaves a gap.
    public var y: [Double]
    /// The uncertainty around each value, drawn as a pale band; nil for none.
    public var band: [ClosedRange<Double>]?
    /// How the curve is drawn.
    public var style: Style
    /// True for a staircase: a value holds until the next x.
    public var isStaircase: Bool
    /// True to mark each value with a dot.
    public var showsPoints: Bool
    /// A place in `Color.series`, so that curves which belong together share a colour; nil takes the next one.
    public var color: Int?

    /// A curve through points.
    ///
    /// - Parameter x: as many as there are values; nil counts 1, 2, 3, …, as epochs do.
    /// - Precondition: x, y and the band have the same length.
    public init(
      _ name: String, x: [Double]? = nil, y: [Double], band: [ClosedRange<Double>]? = nil,
      style: Style = .solid,
      isStaircase: Bool = false, showsPoints: Bool = false, color: Int? = nil
    ) {
      let places = x ?? y.indices.map { Double($0 + 1) }
      precondition(
        places.count == y.count && (band?.count ?? y.count) == y.count,
        "LineChart: series \"\(name)\" has \(places.count) x, \(y.count) y and \(band?.count ?? y.count) band values"
      )
      self.name = name
      self.x = places
      self.y = y
      self.band = band
      self.style = style
      self.isStaircase = isStaircase
      self.showsPoints = showsPoints
      self.color = color
    }
  }

  /// A point to look at, such as the best epoch.
  public struct Point: Sendable, Hashable {
    /// Its place.
    public var x: Double
    /// Its value.
    public var y: Double
    /// Text beside it.
    public var label: String
    /// A place in `Color.series`.
    public var color: Int

    /// A marked point.
    public init(x: Double, y: Double, label: String = "", color: Int = 0) {
      self.x = x
      self.y = y
      self.label = label
      self.color = color
    }
  }

  /// A line across the chart at one value of an axis, such as a radius or a reported accuracy.
  public struct Mark: Sendable, Hashable {
    /// Where it stands.
    public var value: Double
    /// Text along it.
    public var label: String

    /// A line across.
    public init(_ value: Double, label: String = "") {
      self.value = value
      self.label = label
    }
  }

  /// Where the legend stands.
  public enum Legend: Sendable, Hashable {
    /// Right of the chart when more than one series has a name, else nowhere.
    case automatic
    /// Nowhere.
    case hidden
    /// Inside, in the named corner, on white.
    case topLeft, topRight, bottomLeft, bottomRight
  }

  /// The heading.
  public var title: String
  /// Width and height in pixels.
  public var size: (width: Int, height: Int) = (1000, 640)
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The curves.
  public var series: [Series] = []
  /// Points to look at.
  public var points: [Point] = []
  /// Lines from top to bottom.
  public var verticalLines: [Mark] = []
  /// Lines from left to right.
  public var horizontalLines: [Mark] = []
  /// Where the legend stands.
  public var legend: Legend = .automatic

  /// A chart without curves.
  public init(_ title: String, x: Axis, y: Axis) {
    self.title = title
    self.x = x
    self.y = y
  }
}

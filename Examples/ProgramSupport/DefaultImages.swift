import Foundation

/// Where a program looks for its images when `--data` does not say.
public struct DefaultImages: Sendable, CustomStringConvertible {
  /// An environment variable with a folder that is asked first; nil for none.
  public let variable: String?
  /// The folder below the working directory.
  public let path: String
  /// Whether pictures are drawn when this folder is not there. A folder that the variable names must be there.
  public let isOptional: Bool

  /// The digits that `make data` fetches.
  public static let mnist = DefaultImages(variable: nil, path: "Data/mnist", isOptional: false)
  /// The sports photographs, which nobody may pass on: everyone brings their own.
  public static let sports10 = DefaultImages(
    variable: "RAMPART_SPORTS10", path: "Data/sports10", isOptional: true)

  /// The folder, whether or not it can be read; nil when pictures are to be drawn.
  var folder: URL? {
    if let named = variable.flatMap({ ProcessInfo.processInfo.environment[$0] }), !named.isEmpty {
      return URL(fileURLWithPath: named)
    }
    return isOptional && !FileManager.default.fileExists(atPath: path) ? nil : URL(fileURLWithPath: path)
  }

  /// The order of places in words, for the help.
  public var description: String {
    (variable.map { "$\($0), else " } ?? "") + path + (isOptional ? ", else synthetic" : "")
  }
}

import Foundation
import ImageCodecs
import Synchronization
import TensorCore

@testable import Reporting

/// A place for a test's files; the test removes it.
func temporaryFolder() -> URL {
  FileManager.default.temporaryDirectory.appendingPathComponent("reporting-\(UUID().uuidString)")
}

extension Image {
  /// How many pixels have exactly this colour.
  func count(_ color: Color) -> Int {
    stride(from: 0, to: pixels.count, by: channels).count { start in
      pixels[start] == color.red && pixels[start + 1] == color.green && pixels[start + 2] == color.blue
    }
  }

  /// The colour of a pixel.
  func color(x: Int, y: Int) -> Color {
    Color(
      red: self[x: x, y: y, channel: 0], green: self[x: x, y: y, channel: 1],
      blue: self[x: x, y: y, channel: 2])
  }
}

/// Text that a progress line wrote, and a clock that the test moves.
final class Recorder: Sendable {
  private let state = Mutex((text: "", seconds: 100.0))

  var text: String { state.withLock { $0.text } }

  @Sendable func write(_ text: String) { state.withLock { $0.text += text } }

  @Sendable func now() -> Double { state.withLock { $0.seconds } }

  func wait(_ seconds: Double) { state.withLock { $0.seconds += seconds } }
}

/// Metrics of a program that does not exist.
func sampleMetrics(isSynthetic: Bool = false) -> Metrics {
  Metrics(
    program: "sample", profile: "quick", settings: ["epochs": 3, "rate": 0.05],
    environment: RunEnvironment(
      machine: "abacus", cores: 2, threads: 1, instructionSet: "beads", swiftVersion: "6.3"),
    seeds: [7, .max], isSynthetic: isSynthetic)
}

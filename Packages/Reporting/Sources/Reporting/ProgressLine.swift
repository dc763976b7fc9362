import Foundation
import Synchronization
import TensorCore

/// One line on standard error that tells how far a stage is, how fast, and how long it will take; redrawn in place.
///
///     let progress = ProgressLine("epoch 3", total: 60_000, unit: "images")
///     for batch in batches { …; progress.advance(by: batch.count) }
///     progress.finish("loss 0.0831")
///
/// When standard error is no terminal, a stage writes nothing until it ends and then one line. Any thread may call.
public final class ProgressLine: Sendable {
  private struct State {
    var completed = 0
    var remark = ""
    var lastDrawn = -Double.infinity
    var isFinished = false
  }

  private let label: String
  private let total: Int?
  private let unit: String
  private let output: ProgressOutput
  private let clock: @Sendable () -> Double
  private let start: Double
  private let state = Mutex(State())

  /// Between two drawings, in seconds: terminals are slow and so are eyes.
  private static let interval = 0.1

  /// Begins a stage.
  ///
  /// - Parameters:
  ///   - label: the stage.
  ///   - total: how many units there are; nil when unknown, then no time left is shown.
  ///   - unit: what is counted, in the plural.
  ///   - output: where the line goes.
  ///   - clock: seconds that only grow.
  public init(
    _ label: String, total: Int? = nil, unit: String = "steps", output: ProgressOutput = .standardError,
    clock: @escaping @Sendable () -> Double = { ProgressLine.monotonicSeconds() }
  ) {
    self.label = label
    self.total = total
    self.unit = unit
    self.output = output
    self.clock = clock
    start = clock()
    state.withLock { draw(&$0, now: start) }
  }

  /// Seconds of a clock that nobody sets back.
  public static func monotonicSeconds() -> Double {
    Double(DispatchTime.now().uptimeNanoseconds) * 1e-9
  }

  /// Counts units that were done.
  ///
  /// - Parameters:
  ///   - count: how many more.
  ///   - remark: a few words at the end of the line, such as the loss; nil leaves the last ones.
  public func advance(by count: Int = 1, remark: String? = nil) {
    state.withLock { state in
      guard !state.isFinished else { return }
      state.completed += count
      if let remark { state.remark = remark }
      let now = clock()
      if now - state.lastDrawn >= ProgressLine.interval { draw(&state, now: now) }
    }
  }

  /// Ends the stage and leaves a line with its time and rate. A second call does nothing.
  ///
  /// - Parameter remark: a few words at the end, such as the result; nil leaves the last ones.
  public func finish(_ remark: String? = nil) {
    state.withLock { state in
      guard !state.isFinished else { return }
      state.isFinished = true
      if let remark { state.remark = remark }
      let seconds = max(0, clock() - start)
      var parts = ["\(state.completed) \(unit) in \(NumberText.duration(seconds))"]
      if let rate = rate(state.completed, seconds) { parts.append(rate) }
      if !state.remark.isEmpty { parts.append(state.remark) }
      let line = "\(label): \(parts.joined(separator: ", "))"
      output.write(output.isTerminal ? "\r\(fitted(line))\u{1B}[K\n" : line + "\n")
    }
  }

  private func draw(_ state: inout State, now: Double) {
    state.lastDrawn = now
    guard output.isTerminal else { return }
    let seconds = max(0, now - start)
    var line = "\(label): "
    if let total, total > 0 {
      line += "\(state.completed)/\(total) \(unit)"
      line += " (\(NumberText.fixed(100 * Double(state.completed) / Double(total), decimals: 0)) %)"
    } else {
      line += "\(state.completed) \(unit)"
    }
    if let rate = rate(state.completed, seconds) {
      line += ", \(rate)"
      if let total, total > state.completed {
        let left = Double(total - state.completed) * seconds / Double(state.completed)
        line += ", \(NumberText.duration(left)) left"
      }
    }
    if !state.remark.isEmpty { line += ", \(state.remark)" }
    output.write("\r\(fitted(line))\u{1B}[K")
  }

  /// Cut to the terminal's width: a wrapped line could not be redrawn.
  private func fitted(_ line: String) -> String { String(line.prefix(max(20, output.width() - 1))) }

  private func rate(_ completed: Int, _ seconds: Double) -> String? {
    guard completed > 0, seconds > 0 else { return nil }
    let rate = Double(completed) / seconds
    // Slow stages are told in time a unit.
    if rate < 0.1 { return "\(NumberText.duration(1 / rate)) each" }
    return "\(NumberText.fixed(rate, decimals: rate < 10 ? 1 : 0)) \(unit)/s"
  }
}

import Foundation
import Testing

@testable import Reporting

@Suite struct ProgressLineTests {
  private func line(_ recorder: Recorder, isTerminal: Bool, total: Int? = 200, width: Int = 120)
    -> ProgressLine
  {
    ProgressLine(
      "epoch 1", total: total, unit: "images",
      output: ProgressOutput(isTerminal: isTerminal, width: { width }, write: recorder.write),
      clock: recorder.now)
  }

  @Test func rateAndTimeLeft() {
    let recorder = Recorder()
    let progress = line(recorder, isTerminal: true)
    recorder.wait(2)
    progress.advance(by: 50, remark: "loss 0.5")
    recorder.wait(0.01)
    progress.advance(by: 10)  // too soon to be drawn
    recorder.wait(1.99)
    progress.advance(by: 40)
    progress.finish("loss 0.4")
    progress.finish()
    progress.advance()
    let drawn = recorder.text.replacing("\u{1B}[K", with: "").split(separator: "\r")
    #expect(
      drawn == [
        "epoch 1: 0/200 images (0 %)",
        "epoch 1: 50/200 images (25 %), 25 images/s, 6.0 s left, loss 0.5",
        "epoch 1: 100/200 images (50 %), 25 images/s, 4.0 s left, loss 0.5",
        "epoch 1: 100 images in 4.0 s, 25 images/s, loss 0.4\n",
      ])
  }

  // Log files must not fill with redrawn lines.
  @Test func quietWithoutATerminal() {
    let recorder = Recorder()
    let progress = line(recorder, isTerminal: false)
    for _ in 0..<200 {
      recorder.wait(1)
      progress.advance()
    }
    #expect(recorder.text.isEmpty)
    progress.finish()
    #expect(recorder.text == "epoch 1: 200 images in 3 min 20 s, 1.0 images/s\n")
  }

  @Test func unknownTotalAndNarrowTerminal() {
    let recorder = Recorder()
    let progress = line(recorder, isTerminal: true, total: nil, width: 30)
    recorder.wait(1000)
    progress.advance(by: 5)
    let last = recorder.text.split(separator: "\r").last.map(String.init) ?? ""
    #expect(last == "epoch 1: 5 images, 3 min 20 s\u{1B}[K")
  }

  @Test func countsFromAllThreads() async {
    let recorder = Recorder()
    let progress = line(recorder, isTerminal: false, total: 4000)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { for _ in 0..<1000 { progress.advance() } } }
    }
    recorder.wait(2)
    progress.finish()
    #expect(recorder.text == "epoch 1: 4000 images in 2.0 s, 2000 images/s\n")
  }

  @Test func durations() {
    #expect(NumberText.duration(0.84) == "0.8 s")
    #expect(NumberText.duration(9.97) == "10 s")
    #expect(NumberText.duration(59.6) == "1 min 00 s")
    #expect(NumberText.duration(3599.7) == "1 h 00 min")
    #expect(NumberText.duration(7620) == "2 h 07 min")
    #expect(NumberText.duration(.infinity) == "unknown")
  }
}

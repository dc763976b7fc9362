import ImageCodecs
import Reporting
import TensorCore
import Testing

@Suite struct HeatMapOverlayTests {
  private let scale = ColorScale(ColorMap(stops: [.black, Color(0xFF0000)]), over: 0...2)
  // Red from 0 to 255 over values from 0 to 2: 0, 128 (127.5, away from zero), 255.
  private let values = Tensor([[0, 1, 2]])

  // Unequal channels and pixels: exchanged channels or pixels would show.
  @Test func overColours() {
    let picture = Image(width: 3, height: 1, channels: 3, pixels: [10, 20, 30, 40, 50, 60, 70, 80, 90])
    let mixed = scale.overlay(values, on: picture, opacity: 0.25)
    // 0.75 · picture + 0.25 · (0 | 128 | 255, 0, 0), halves away from zero
    #expect(mixed.channels == 3 && mixed.pixels == [8, 15, 23, 62, 38, 45, 116, 60, 68])
    #expect(scale.overlay(values, on: picture, opacity: 0) == picture)
    #expect(scale.overlay(values, on: picture, opacity: 1) == scale.image(values))
  }

  @Test func overGrey() {
    let picture = Image(width: 3, height: 1, channels: 1, pixels: [100, 200, 50])
    #expect(
      scale.overlay(values, on: picture).pixels == [50, 50, 50, 164, 100, 100, 153, 25, 25])
  }

  @Test func gridOfMaps() {
    let row = (
      picture: Tensor(repeating: 0.5, shape: [3, 4, 4]), map: Tensor(repeating: 1, shape: [4, 4]),
      caption: "golf"
    )
    let grid = ImageGrid.heatMaps([row, row], mapTitle: "saliency")
    #expect(grid.rows.count == 2 && grid.columnTitles == ["original", "saliency", "overlay"])
    #expect(grid.colorBar?.range == 0...1)
    let tiles = grid.rows[1].compactMap { $0 }
    #expect(tiles.map(\.above) == ["golf", "", ""])
    let last = ColorMap.embers.stops.last!
    #expect(tiles[1].image.pixels.prefix(3).elementsEqual(last.samples))
    #expect(tiles[2].image.pixels[0] == UInt8((0.5 * 128 + 0.5 * Double(last.red)).rounded()))
  }

  @Test func otherSizesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let scale = ColorScale(.embers, over: 0...1)
      _ = scale.overlay(.zeros(shape: [2, 2]), on: Image(width: 2, height: 3, repeating: [0]))
    }
  }
}

import ImageCodecs
import Testing
import TensorCore

@testable import Reporting

@Suite struct ImageGridTests {
  @Test func everyLetterIsDrawn() {
    var seen: [[[Bool]]: Character] = [:]
    for code in UInt8(32)..<127 {
      let character = Character(UnicodeScalar(code))
      let glyph = BitmapFont.glyph(character)
      #expect(glyph.count == 9 && glyph.allSatisfy { $0.count == 5 }, "\(character)")
      // No two letters alike, none empty but the space.
      #expect(seen.updateValue(character, forKey: glyph) == nil, "\(character)")
      #expect(glyph.joined().contains(true) == (character != " "), "\(character)")
    }
  }

  @Test func otherSignsAreSpelledOut() {
    #expect(BitmapFont.spelled("7 → 6, ε ≤ 0.15") == "7 -> 6, eps <= 0.15")
    #expect(BitmapFont.spelled("日\u{7F}") == "??")
  }

  // 112 / 28 = 4: each pixel becomes a square of 4 × 4, first row at the top, first column at the left.
  @Test func tilesAreEnlargedWithoutSmoothing() {
    var pixels = [Float](repeating: 0.5, count: 784)
    pixels[1] = 1  // right of the top left corner
    var grid = ImageGrid()
    grid.append(row: [ImageGrid.Tile(Tensor(shape: [1, 28, 28], scalars: pixels))])
    let image = grid.image()
    let grey = Color(0x808080)
    #expect(image.count(grey) == 783 * 16)
    let margin = 16
    #expect(image.width == 112 + 2 * margin && image.height == 112 + 2 * margin)
    #expect(image.color(x: margin + 3, y: margin) == grey)
    #expect(image.color(x: margin + 4, y: margin) == .white)
    #expect(image.color(x: margin + 7, y: margin + 3) == .white)
    #expect(image.color(x: margin + 8, y: margin) == grey)
    #expect(image.color(x: margin + 4, y: margin + 4) == grey)
  }

  @Test func largeImagesKeepTheirSize() {
    var grid = ImageGrid()
    grid.append(row: [ImageGrid.Tile(Image(width: 224, height: 150, repeating: [10, 20, 30]))])
    #expect(grid.image().count(Color(0x0A141E)) == 224 * 150)
  }

  // Frames, captions and titles must not cover any picture, also where tiles differ in size or are left out.
  @Test func nothingOverlaps() {
    var grid = ImageGrid(
      title: "Title", columnTitles: ["one", "a long column title"], rowTitles: ["first\nrow", "second"],
      scale: 2)
    let (red, blue, green) = (Color(0xC80000), Color(0x0000C8), Color(0x00C800))
    grid.append(row: [
      ImageGrid.Tile(
        Image(width: 30, height: 20, repeating: red.samples), above: "3 -> 6\nmore", frame: .wrong),
      ImageGrid.Tile(Image(width: 10, height: 40, repeating: blue.samples), below: "under", frame: .right),
    ])
    grid.append(row: [nil, ImageGrid.Tile(Image(width: 7, height: 7, repeating: green.samples), above: "x")])
    let image = grid.image()
    #expect(image.count(red) == 30 * 20 * 4)
    #expect(image.count(blue) == 10 * 40 * 4)
    #expect(image.count(green) == 7 * 7 * 4)
    // A frame of 4 around 60 × 40 and one around 20 × 80.
    #expect(image.count(.wrong) == 68 * 48 - 60 * 40)
    #expect(image.count(.right) == 28 * 88 - 20 * 80)
  }

  @Test func transparencyLiesOverWhite() {
    var grid = ImageGrid(scale: 1)
    grid.append(row: [ImageGrid.Tile(Image(width: 3, height: 3, repeating: [0, 0, 0, 51]))])
    #expect(grid.image().count(Color(0xCCCCCC)) == 9)
  }

  @Test func colorBarShowsBothEnds() {
    let grid = ImageGrid.diverging([[(Tensor([[-2, 0], [0, 1]]), "w")]])
    let image = grid.image()
    #expect(grid.colorBar?.range == -2...2)
    #expect(image.count(Color(0x053061)) > 56 * 56)  // the tile's pixel and the bar's lower end
    #expect(image.count(Color(0x67001F)) > 0)  // only the bar reaches +2
  }

  @Test func emptyGridsStop() async {
    await #expect(processExitsWith: .failure) { _ = ImageGrid(title: "none").image() }
    await #expect(processExitsWith: .failure) {
      var grid = ImageGrid(columnTitles: ["a", "b"])
      grid.append(row: [ImageGrid.Tile(Tensor([[0]]))])
      _ = grid.image()
    }
  }
}

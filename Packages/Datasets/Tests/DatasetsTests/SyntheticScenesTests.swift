import Datasets
import ImageCodecs
import TensorCore
import Testing

@Suite struct SyntheticScenesTests {
  static func scenes(_ count: Int, seed: UInt64, side: Int = 16) -> LabeledImages {
    SyntheticScenes.images(
      labels: (0..<count).map { $0 % 10 }, classNames: Sports10.classNames, side: side,
      key: RandomKey(seed: seed))
  }

  @Test func picturesDependOnKeyIndexAndLabelOnly() {
    let few = Self.scenes(20, seed: 1)
    #expect(few.images == Self.scenes(30, seed: 1).prefix(20).images)
    #expect(few.images != Self.scenes(20, seed: 2).images)
    for i in 0..<20 { for j in 0..<i { #expect(few.image(at: i) != few.image(at: j)) } }
  }

  // Colours say nothing, so the mean of a class is grey: what tells is the shape. Where each pixel differs from the
  // corner is compared with templates of the same (other pictures, other seed): far above the 10 % of chance.
  @Test func shapesCanBeTold() {
    func outline(_ images: LabeledImages, _ i: Int) -> [Float] {
      let image = images.image(at: i)
      let corner = (0..<3).map { Float(image[x: 0, y: 0, channel: $0]) }
      return (0..<256).map { place in
        let far = (0..<3).reduce(Float(0)) {
          $0 + abs(Float(image[x: place % 16, y: place / 16, channel: $1]) - corner[$1])
        }
        return far > 150 ? 1 : 0
      }
    }
    let (templates, test) = (Self.scenes(200, seed: 5), Self.scenes(100, seed: 6))
    let known = (0..<200).map { outline(templates, $0) }
    let correct = (0..<100).filter { i in
      let shape = outline(test, i)
      let distances = known.map { zip($0, shape).reduce(Float(0)) { $0 + abs($1.0 - $1.1) } }
      return distances.indices.min { distances[$0] < distances[$1] }! % 10 == i % 10
    }.count
    #expect(correct > 35, "\(correct) of 100")
  }
}

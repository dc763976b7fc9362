import Datasets
import TensorCore
import Testing

@Suite struct SyntheticDigitsTests {
  @Test func samplesDependOnKeyAndIndexOnly() {
    let few = SyntheticDigits.images(count: 20, key: RandomKey(seed: 1))
    let many = SyntheticDigits.images(count: 40, key: RandomKey(seed: 1))
    #expect(few.isSynthetic && few.images.shape == [20, 1, 28, 28])
    #expect(many.prefix(20).images == few.images)
    #expect(few.labels == IntTensor((0..<20).map { $0 % 10 }))
    #expect(SyntheticDigits.images(count: 20, key: RandomKey(seed: 2)).images != few.images)
    // No two alike, none blank, none full.
    for i in 0..<20 {
      let ink = few.images[row: i].scalars.reduce(0, +)
      #expect(ink > 20 && ink < 300)
      for j in 0..<i { #expect(few.images[row: i] != few.images[row: j]) }
    }
    #expect(few.images.scalars.allSatisfy { (0...1).contains($0) })
  }

  // The nearest class mean is about the simplest classifier; chance would be 10 %. Labels that do not belong to their
  // images, or digits that look alike, fail.
  @Test func classesCanBeLearned() {
    let training = SyntheticDigits.images(count: 300, key: RandomKey(seed: 1)).flattened
    let test = SyntheticDigits.images(count: 200, key: RandomKey(seed: 2)).flattened
    var means = [[Float]](repeating: [Float](repeating: 0, count: 784), count: 10)
    for i in 0..<training.count {
      for (k, pixel) in training.images[row: i].scalars.enumerated() {
        means[training.labels[i]][k] += pixel / 30
      }
    }
    let correct = (0..<test.count).filter { i in
      let image = test.images[row: i].scalars
      let distances = means.map { mean in
        zip(mean, image).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      return distances.indices.min { distances[$0] < distances[$1] } == test.labels[i]
    }.count
    #expect(correct > 160, "\(correct) of 200")
  }
}

import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// Which of 1,000 images of MNIST stand, here and by the authors' code on the same network, with two seeds of theirs.
@Suite struct AutoAttackParityTests {
  private static func authors(_ name: String) throws -> [[Bool]] {
    let file = try NPZFile(
      contentsOf: try #require(Bundle.module.resourceURL).appendingPathComponent(
        "Fixtures/autoattack-outcomes.npz"))
    return try [1, 2].map { seed in
      try file.array(named: "\(name)/\(seed)").byteTensor().scalars.map { $0 == 1 }
    }
  }

  private static func ours<Ball: NormBall>(_ attack: some Attack<Ball>, count: Int) throws -> [Bool] {
    try judge(
      attack, against: MNISTSample.classifier(), on: MNISTSample.batch(count), key: RandomKey(seed: 1)
    ).records.map(\.isRobust)
  }

  // The whole list on the first 100 images; Docs/AttackParity.md compares all 1,000. Two runs of the authors' differ in some images
  // themselves, most of them among the first; ours may differ from theirs twice as often and in two more. Steps, starts or
  // projections that are wrong leave many more images standing.
  @Test(arguments: [VectorNorm.lInf, .l2]) func theSameImagesStandAll(_ norm: VectorNorm) throws {
    let (radius, count) = (MNISTSample.radius(norm), 100)
    let ours =
      norm == .lInf
      ? try Self.ours(AutoAttack.standard(budget: LInfBall(radius: radius)), count: count)
      : try Self.ours(AutoAttack.standard(budget: L2Ball(radius: radius)), count: count)
    let theirs = try Self.authors("\(MNISTSample.name(norm))/standard")
    let own = zip(theirs[0], theirs[1]).prefix(count).count { $0 != $1 }
    for outcome in theirs {
      #expect(outcome.count == 1000 && (200...800).contains(outcome.count { $0 }))
      #expect(zip(ours, outcome).count { $0 != $1 } <= 2 * own + 2)
    }
  }

  // A single search with random starts: two seeds of the authors' differ too, so the difference of the rates is judged by
  // McNemar's exact test, and the number of different images by theirs.
  @Test(arguments: [VectorNorm.lInf, .l2]) func oneSearchIsAsStrong(_ norm: VectorNorm) throws {
    let radius = MNISTSample.radius(norm)
    let ours =
      norm == .lInf
      ? try Self.ours(AutoProjectedGradient(budget: LInfBall(radius: radius)), count: 1000)
      : try Self.ours(AutoProjectedGradient(budget: L2Ball(radius: radius)), count: 1000)
    let theirs = try Self.authors("\(MNISTSample.name(norm))/apgd-ce")
    let own = zip(theirs[0], theirs[1]).count { $0 != $1 }
    for outcome in theirs {
      #expect(McNemarTest(first: ours, second: outcome).pValue > 0.01)
      #expect(zip(ours, outcome).count { $0 != $1 } <= 2 * own + 10)
    }
  }
}

import Foundation
import TensorCore
import Testing

@Suite struct ArithmeticTests {
  private static func values(_ shape: Shape, _ label: String) -> Tensor {
    PlainReference.uniform(shape, "\(label) \(shape)") * 3
  }

  // All pairs of all kinds of shapes against one index computation: a wrong stride, a swapped operand or an
  // axis that is walked although it repeats shows in some pair. Float's own +, −, ·, / round as IEEE 754
  // says.
  @Test func broadcasting() {
    for left in PlainReference.shapes {
      for right in PlainReference.shapes {
        guard let shape = left.broadcast(with: right) else { continue }
        let (a, b) = (Self.values(left, "a"), Self.values(right, "b"))
        #expect(a + b == PlainReference.broadcast(a, b, to: shape, +), "\(left) + \(right)")
        #expect(a - b == PlainReference.broadcast(a, b, to: shape, -), "\(left) − \(right)")
        #expect(a * b == PlainReference.broadcast(a, b, to: shape, *), "\(left) · \(right)")
        #expect(a / b == PlainReference.broadcast(a, b, to: shape, /), "\(left) / \(right)")
      }
    }
  }

  @Test func inPlaceBroadcasting() {
    for left in PlainReference.shapes {
      for right in PlainReference.shapes where left.broadcast(with: right) == left {
        let (a, b) = (Self.values(left, "a"), Self.values(right, "b"))
        var (sum, difference, product) = (a, a, a)
        sum += b
        difference -= b
        product *= b
        #expect(sum == PlainReference.broadcast(a, b, to: left, +), "\(left) += \(right)")
        #expect(difference == PlainReference.broadcast(a, b, to: left, -), "\(left) −= \(right)")
        #expect(product == PlainReference.broadcast(a, b, to: left, *), "\(left) *= \(right)")
      }
    }
  }

  // The operand is the tensor itself or a part of it: a result written before it is read would show.
  @Test func inPlaceWithItself() {
    var a = Tensor((0..<50).map { Float($0) })
    a += a
    #expect(a == Tensor((0..<50).map { Float(2 * $0) }))
    a -= a
    #expect(a == .zeros(shape: [50]))
    var b = Tensor([[1, 2], [3, 4]])
    b *= b[rows: 1..<2]
    #expect(b == Tensor([[3, 8], [9, 16]]))
    b *= 0.5
    #expect(b == Tensor([[1.5, 4], [4.5, 8]]))
  }

  @Test func numbersOnEitherSide() {
    let x = Tensor([1, 2, 4])
    #expect(x + 1 == Tensor([2, 3, 5]))
    #expect(1 + x == Tensor([2, 3, 5]))
    #expect(x - 1 == Tensor([0, 1, 3]))
    #expect(1 - x == Tensor([0, -1, -3]))
    #expect(x * 3 == Tensor([3, 6, 12]))
    #expect(3 * x == Tensor([3, 6, 12]))
    #expect(x / 2 == Tensor([0.5, 1, 2]))
    #expect(2 / x == Tensor([2, 1, 0.5]))
    #expect(-x == Tensor([-1, -2, -4]))
    #expect((-Tensor([0])).item.sign == .minus)
  }

  // Every length from 0 to 40 passes the end of one to ten vectors of 4, 8 and 16 lanes at every place.
  @Test func tailsOfAllLengths() {
    for n in 0...40 {
      let (a, b) = (Self.values([n], "a"), Self.values([n], "b"))
      #expect((a - b).scalars == zip(a.scalars, b.scalars).map { $0 - $1 }, "\(n) elements")
      #expect((a / Tensor(3)).scalars == a.scalars.map { $0 / 3 }, "\(n) elements by one")
      #expect((3 / a).scalars == a.scalars.map { 3 / $0 }, "one by \(n) elements")
      var c = a
      c.add(b, scaledBy: 0.75)
      let exact = zip(a.scalars, b.scalars).map { Float(Double($0) + 0.75 * Double($1)) }
      #expect(c.mismatch(with: Tensor(exact), relativeToLargest: 1e-6) == nil, "\(n) elements added")
    }
  }

  // Longer than several tasks of the pool: a task that begins or ends at the wrong place leaves elements out.
  @Test func longerThanATask() {
    let n = 100_003
    let a = Tensor((0..<n).map { Float($0) })
    #expect((a + a).scalars == (0..<n).map { Float(2 * $0) })
    var b = a
    b -= Tensor(1)
    b.add(a, scaledBy: 2)
    #expect(b.scalars == (0..<n).map { Float(3 * $0 - 1) })
    let wide = Tensor((0..<5).map { Float($0) }).expanded(axis: 1) * Tensor(repeating: 2, shape: [1, 40_001])
    #expect(wide.sum(alongAxis: 1) == Tensor((0..<5).map { Float($0) * 80_002 }))
  }

  /// The least `Float` that is not below the exact sum.
  private static func sumRoundedUp(_ a: Float, _ b: Float) -> Float {
    let (x, y) = a.magnitude >= b.magnitude ? (Double(a), Double(b)) : (Double(b), Double(a))
    let sum = x + y
    if sum - x == y && sum - y == x {
      // the sum is exact in Double: no bit fell off
      let nearest = Float(sum)
      return Double(nearest) < sum ? nearest.nextUp : nearest
    }
    // y lies more than 28 bits below x and only says on which side of x the sum is
    return y > 0 ? Float(x).nextUp : Float(x)
  }

  /// Pairs of all kinds: zeros, subnormals, halves of a unit in the last place, cancellation, far-apart
  /// exponents, sums beyond the largest number, and random bits.
  private static let pairs: [(Float, Float)] = {
    let tiny = Float.leastNonzeroMagnitude
    let special: [Float] = [
      0, tiny, 3 * tiny, Float.leastNormalMagnitude, Float.leastNormalMagnitude.nextDown, 0x1p-25, 0x1p-24,
      0x1p-23,
      0x1.8p-24, 0.1, 0.3, 8 / 255, 0.5, Float(1).nextDown, 1, Float(1).nextUp, 1.5, 3, 0x1p23, 0x1p24,
      0x1.fffffep24,
      0x1p60, Float.greatestFiniteMagnitude / 2, Float.greatestFiniteMagnitude.nextDown,
      Float.greatestFiniteMagnitude,
    ]
    let signed = special + special.map { -$0 }
    var pairs = signed.flatMap { a in signed.map { (a, $0) } }
    let words = RandomKey(seed: 3).derived("pairs").words(count: 40_000)
    for i in stride(from: 0, to: words.count, by: 2) {
      let a = Float(bitPattern: words[i])
      // half of the second numbers have an exponent close to the first one's
      let near = (words[i] & 0x7f80_0000) &+ (words[i + 1] & 0x0fff_ffff) &- 0x0400_0000
      let b = Float(bitPattern: i % 4 == 0 ? words[i + 1] : near ^ (words[i + 1] & 0x8000_0000))
      if a.isFinite && b.isFinite { pairs.append((a, b)) }
    }
    return pairs
  }()

  // Attacks promise to stay inside their budget because of these two: one unit too many or too few breaks it.
  @Test func directedRounding() {
    let (a, b) = (Tensor(Self.pairs.map(\.0)), Tensor(Self.pairs.map(\.1)))
    let up = Tensor(Self.pairs.map { Self.sumRoundedUp($0, $1) })
    let down = Tensor(Self.pairs.map { -Self.sumRoundedUp(-$0, -$1) })
    #expect(a.adding(b, rounding: .up).mismatch(with: up, ulps: 0) == nil)
    #expect(a.adding(b, rounding: .down).mismatch(with: down, ulps: 0) == nil)
    #expect(a.subtracting(-b, rounding: .up).mismatch(with: up, ulps: 0) == nil)
    #expect(a.subtracting(-b, rounding: .down).mismatch(with: down, ulps: 0) == nil)
  }

  // 8/255 added to every multiple of 1/255: the ball of an attack on 8-bit pixels. The plain sum leaves it.
  @Test func roundedSumsStayInTheBall() {
    let (x, radius) = (Tensor((0...255).map { Float($0) / 255 }), Float(8) / 255)
    let distances = zip(x.adding(Tensor(radius), rounding: .down).scalars, x.scalars).map {
      Double($0) - Double($1)
    }
    #expect(distances.allSatisfy { $0 <= Double(radius) })
    #expect(distances.allSatisfy { $0 > Double(radius) - 0x1p-23 })
    let plain = zip((x + radius).scalars, x.scalars).map { Double($0) - Double($1) }
    #expect(plain.contains { $0 > Double(radius) })
  }

  @Test func directedRoundingOfInfinities() {
    let infinity = Float.infinity
    #expect(Tensor(infinity).adding(Tensor(1), rounding: .down).item == infinity)
    #expect(Tensor(-infinity).adding(Tensor(1), rounding: .up).item == -infinity)
    #expect(Tensor(infinity).adding(Tensor(-infinity), rounding: .up).item.isNaN)
    #expect(Tensor(Float.nan).adding(Tensor(1), rounding: .up).item.isNaN)
  }
}

import TensorCore
import Testing

@Suite struct IndexingTests {
  private static func counted(_ shape: Shape) -> Tensor {
    Tensor(shape: shape, scalars: (0..<shape.count).map { Float($0) })
  }

  @Test func gathering() {
    let x = Tensor([[1, 2], [3, 4], [5, 6]])
    #expect(x.gathered(rows: [2, 0, 2]) == Tensor([[5, 6], [1, 2], [5, 6]]))
    #expect(x.gathered(rows: []).shape == [0, 2])
    #expect(Tensor([7, 8]).gathered(rows: [1, 1]) == Tensor([8, 8]))
    // rows of a slice begin at the slice
    #expect(x[rows: 1..<3].gathered(rows: [1]) == Tensor([[5, 6]]))
  }

  // More rows than one task of the pool copies.
  @Test func gatheringManyRows() {
    let x = Self.counted([1000, 30])
    let order = (0..<3000).map { ($0 * 7919) % 1000 }
    let result = x.gathered(rows: order)
    #expect(result.scalars == order.flatMap { row in (0..<30).map { Float(row * 30 + $0) } })
  }

  @Test func picking() {
    let x = Tensor([[1, 2, 3], [4, 5, 6]])
    #expect(x.picked(columns: IntTensor([2, 0])) == Tensor([3, 4]))
  }

  @Test func oneHotRows() {
    let expected = Tensor([[0, 0, 1], [1, 0, 0], [0, 0, 1]])
    #expect(Tensor.oneHot(IntTensor([2, 0, 2]), classes: 3) == expected)
    #expect(Tensor.oneHot(IntTensor([]), classes: 3).shape == [0, 3])
  }

  // The kernel works in blocks of 16: sides below, at and above a block.
  @Test func transposing() {
    for rows in [0, 1, 2, 15, 16, 17, 33] {
      for columns in [0, 1, 3, 16, 31, 48] {
        let x = Self.counted([rows, columns])
        let expected = Tensor(shape: [columns, rows]) { y in
          for c in 0..<columns { for r in 0..<rows { y[c * rows + r] = Float(r * columns + c) } }
        }
        #expect(x.transposed() == expected, "\(rows) by \(columns)")
      }
    }
  }

  // Every order of three and four axes of different lengths; the inverse order in its place would fit no
  // shape or give other elements.
  @Test(arguments: [[2, 3, 4], [2, 3, 4, 5], [3, 1, 2], [2, 0, 3]])
  func permuting(dimensions: [Int]) {
    let x = Self.counted(Shape(dimensions))
    for order in Self.orders(of: dimensions.count) {
      let y = x.permuted(order)
      #expect(y.shape == Shape(order.map { dimensions[$0] }))
      let expected = PlainReference.indices(of: y.shape).map { index -> Float in
        var source = [Int](repeating: 0, count: order.count)
        for (axis, from) in order.enumerated() { source[from] = index[axis] }
        return Float(zip(source, dimensions).reduce(0) { $0 * $1.1 + $1.0 })
      }
      #expect(y.scalars == expected, "order \(order)")
    }
    #expect(Tensor(3).permuted([]).item == 3)
  }

  private static func orders(of count: Int) -> [[Int]] {
    if count == 0 { return [[]] }
    return orders(of: count - 1).flatMap { shorter in
      (0..<count).map { place in
        var order = shorter
        order.insert(count - 1, at: place)
        return order
      }
    }
  }

  @Test func concatenation() {
    let (a, b) = (Tensor([[1, 2], [3, 4]]), Tensor([[5, 6]]))
    #expect(Tensor.concatenated([a, b]) == Tensor([[1, 2], [3, 4], [5, 6]]))
    #expect(
      Tensor.concatenated([a, b.transposed()], alongAxis: 1) == Tensor([[1, 2, 5], [3, 4, 6]]))
    #expect(
      Tensor.concatenated([a, b.transposed()], alongAxis: -1) == Tensor([[1, 2, 5], [3, 4, 6]]))
    #expect(Tensor.concatenated([a[rows: 1..<1], b, b[rows: 0..<0]]) == b)
    let (x, y) = (Self.counted([2, 2, 2]), Self.counted([2, 1, 2]) + 100)
    #expect(
      Tensor.concatenated([x, y], alongAxis: 1).scalars == [0, 1, 2, 3, 100, 101, 4, 5, 6, 7, 102, 103])
  }

  @Test func stacking() {
    #expect(Tensor.stacked([Tensor([1, 2]), Tensor([3, 4])]) == Tensor([[1, 2], [3, 4]]))
    #expect(Tensor.stacked([Tensor(1), Tensor(2)]) == Tensor([1, 2]))
  }
}

import Foundation
import TensorCore
import Testing

@Suite struct TensorTests {
  let matrix = Tensor([[1, 2, 3], [4, 5, 6]])

  @Test func construction() {
    #expect(matrix.shape == [2, 3])
    #expect(matrix.rank == 2)
    #expect(matrix.count == 6)
    #expect(matrix.scalars == [1, 2, 3, 4, 5, 6])
    #expect(matrix == Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6]))
    #expect(Tensor(2.5).shape == [])
    #expect(Tensor(2.5).item == 2.5)
    #expect(Tensor([[7]] as [[Float]]).item == 7)
    #expect(Tensor([Float]()).shape == [0])
    #expect(Tensor(repeating: 3, shape: [2, 2]).scalars == [3, 3, 3, 3])
    #expect(Tensor.zeros(shape: [3]).scalars == [0, 0, 0])
    #expect(Tensor.ones(shape: [1, 2]).scalars == [1, 1])
    let filled = Tensor(shape: [4]) { for i in $0.indices { $0[i] = Float(i * i) } }
    #expect(filled.scalars == [0, 1, 4, 9])
  }

  @Test func equalityNeedsShapeAndScalars() {
    #expect(matrix != matrix.reshaped(to: [3, 2]))
    #expect(Tensor([0.0]) == Tensor([-0.0]))
    #expect(Tensor([Float.nan]) != Tensor([Float.nan]))
  }

  @Test func subscripts() {
    #expect(matrix[0, 2] == 3)
    #expect(matrix[1, 0] == 4)
    var changed = matrix
    changed[1, 2] = 60
    #expect(changed.scalars == [1, 2, 3, 4, 5, 60])
  }

  // Without copy on write the second name would show the first one's changes.
  @Test func copiesAreIndependent() {
    var a = matrix
    var b = a
    a[0, 0] = 10
    b[0, 1] = 20
    b += Tensor([[100, 100, 100], [100, 100, 100]])
    #expect(matrix.scalars == [1, 2, 3, 4, 5, 6])
    #expect(a.scalars == [10, 2, 3, 4, 5, 6])
    #expect(b.scalars == [101, 120, 103, 104, 105, 106])
  }

  // A change through a view must not reach the whole, nor the other way round; and an unshared tensor is
  // changed where it is.
  @Test func viewsAreIndependent() {
    var whole = matrix
    var row = whole[rows: 1..<2]
    let reshaped = whole.reshaped(to: [3, 2])
    row[0, 0] = 40
    whole[1, 1] = 50
    #expect(row == Tensor([[40, 5, 6]]))
    #expect(whole == Tensor([[1, 2, 3], [4, 50, 6]]))
    #expect(reshaped == Tensor([[1, 2], [3, 4], [5, 6]]))

    var alone = Tensor([1, 2, 3])
    let before = alone.withUnsafeBufferPointer { $0.baseAddress }
    alone[0] = 9
    #expect(alone.withUnsafeBufferPointer { $0.baseAddress } == before)
  }

  // A slice that outlives its tensor keeps the memory, and changes begin at the slice's own offset.
  @Test func sliceOutlivesTheWhole() {
    var slice = Tensor([1, 2, 3, 4])[rows: 2..<4]
    let noise = (0..<10).map { Tensor(repeating: Float($0), shape: [4]) }
    slice[1] = 40
    slice *= 2
    #expect(slice == Tensor([6, 80]))
    #expect(noise.count == 10)
  }

  @Test func rows() {
    #expect(matrix[rows: 0..<2] == matrix)
    #expect(matrix[rows: 1..<2] == Tensor([[4, 5, 6]]))
    #expect(matrix[rows: 1..<1].shape == [0, 3])
    #expect(matrix[rows: 2..<2].scalars == [])
    #expect(matrix[row: 1] == Tensor([4, 5, 6]))
    #expect(matrix[row: 1][row: 2].item == 6)
    #expect(
      Tensor(shape: [2, 2, 2], scalars: [1, 2, 3, 4, 5, 6, 7, 8])[row: 1] == Tensor([[5, 6], [7, 8]]))
  }

  @Test func reshaping() {
    #expect(matrix.reshaped(to: [3, -1]) == Tensor([[1, 2], [3, 4], [5, 6]]))
    #expect(matrix.reshaped(to: [-1]).shape == [6])
    #expect(matrix.reshaped(to: Shape([1, 6, 1])).shape == [1, 6, 1])
    #expect(Tensor.zeros(shape: [0, 3]).reshaped(to: [-1, 5]).shape == [0, 5])
    #expect(Tensor(4).reshaped(to: [1, 1]).shape == [1, 1])
    #expect(matrix.expanded(axis: 0).shape == [1, 2, 3])
    #expect(matrix.expanded(axis: 2).shape == [2, 3, 1])
    #expect(matrix.expanded(axis: -1).shape == [2, 3, 1])
    #expect(matrix.expanded(axis: -3).shape == [1, 2, 3])
    #expect(matrix.expanded(axis: 1).squeezed(axis: 1) == matrix)
    #expect(matrix.expanded(axis: 2).squeezed(axis: -1) == matrix)
  }

  @Test func description() {
    #expect(Tensor(1.5).description == "1.5")
    #expect(Tensor([[1, 2]]).description == "Tensor[1, 2](1.0, 2.0)")
    let long = Tensor((0..<100).map { Float($0) }).description
    #expect(long.hasPrefix("Tensor[100](0.0, 1.0, "))
    #expect(
      long.hasSuffix("11.0, …, 88.0, 89.0, 90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 98.0, 99.0)"))
    #expect(!Tensor((0..<24).map { Float($0) }).description.contains("…"))
  }

  @Test func integerAndByteTensors() {
    let labels = IntTensor(shape: [2, 2], scalars: [1, -2, 3, 4])
    #expect(labels.count == 4)
    #expect(labels[1] == -2)
    #expect(labels[rows: 1..<2] == IntTensor(shape: [1, 2], scalars: [3, 4]))
    #expect(labels.gathered(rows: [1, 0, 1]) == IntTensor(shape: [3, 2], scalars: [3, 4, 1, -2, 3, 4]))
    #expect(IntTensor([5, 6]).shape == [2])
    #expect(ByteTensor(shape: [3], scalars: [0, 128, 255]).count == 3)
  }

  // Every class of buffer size, at both of its ends: a class that rounds down would hand out too little
  // memory, and neighbours would overwrite each other.
  @Test func buffersOfAllSizesAreApart() {
    var sizes: [Int] = [0, 1, 63, 64, 65]
    for power in 6..<20 {
      for quarter in 4..<8 { sizes += [(quarter << power) / 4, (quarter << power) / 4 + 1] }
    }
    let tensors = sizes.enumerated().map { Tensor(repeating: Float($0.offset), shape: [$0.element]) }
    for (i, tensor) in tensors.enumerated() {
      #expect(tensor.count == 0 || tensor.min() == Float(i) && tensor.max() == Float(i), "size \(sizes[i])")
      #expect(tensor.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) % 64 } == 0)
    }
  }

  // In a process of its own, where no other test asks for buffers. A result that misses the free list, or a
  // leak, makes the count grow; memory is read from the kernel, because a leak outside the buffers would not
  // show there.
  @Test func loopsReuseTheirBuffers() async {
    await #expect(processExitsWith: .success) {
      let x = PlainReference.uniform([64, 100], "x")
      var w = PlainReference.uniform([10, 100], "w")
      func step() {
        let y = x.linear(weight: w, bias: nil)
        let p = y.softmax() - 0.1 * y.tanh().relu()
        let slope = p.matmul(x, transposingSelf: true).exp().log()
        w.add(slope, scaledBy: -0.001)
        w *= 0.5
        w += (w.transposed().sum(alongAxis: 0) / 1000).expanded(axis: 1)
      }
      func residentPages() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return fields.flatMap { Int($0[1]) } ?? 0
      }
      for _ in 0..<200 { step() }
      let (buffers, pages) = (Tensor.freshBufferCount, residentPages())
      for _ in 0..<10_000 { step() }
      #expect(Tensor.freshBufferCount == buffers)
      #expect(buffers > 0)
      #expect(
        residentPages() - pages < 256, "resident memory grew by \(residentPages() - pages) pages of 4 KiB")
    }
  }
}

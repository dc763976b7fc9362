/// Numbers at an address that stays: what kernels read in many calls, without a closure around each.
final class FixedArray<Element: Sendable>: @unchecked Sendable {
  /// The first element's address; keep the array alive around every use.
  let base: UnsafePointer<Element>
  let count: Int
  private let memory: UnsafeMutablePointer<Element>

  init(_ elements: [Element]) {
    count = elements.count
    memory = .allocate(capacity: max(1, count))
    memory.initialize(from: elements, count: count)
    base = UnsafePointer(memory)
  }

  deinit {
    memory.deinitialize(count: count)
    memory.deallocate()
  }
}

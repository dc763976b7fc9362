import NNLayers
import TensorCore

/// The name under which a model runs a layer, from any of the ways to write it: `features.10`, `features[10]`, or
/// `features[-2]`, the second from the end. Names are checked where they are used.
func layerName(_ written: String, in model: some Layer, sample: Shape) throws -> String {
  guard written.contains("[") else { return written }
  let names = model.summary(input: sample).rows.map(\.name)
  var name = ""
  for (place, part) in written.split(separator: "[", omittingEmptySubsequences: false).enumerated() {
    if place == 0 {
      name = String(part)
      continue
    }
    let pieces = part.split(separator: "]", maxSplits: 1, omittingEmptySubsequences: false)
    guard pieces.count == 2, let number = Int(pieces[0]), pieces[1].isEmpty || pieces[1].first == "." else {
      throw InputError(
        .outOfRange, "layer \"\(written)\"", expected: "names such as features.10 or features[-2]",
        found: "[\(part)")
    }
    var index = number
    if number < 0 {
      let prefix = name.isEmpty ? "" : name + "."
      let children = names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }
      index = (children.max() ?? -1) + 1 + number
    }
    name += (name.isEmpty ? "" : ".") + "\(index)" + pieces[1]
  }
  return name
}

import Testing

@testable import TensorCore

/// Which operations are joined and which are not: a value that is kept, or that somebody else reads, must be there.
@Suite struct GraphFusionTests {
  private static let image: Shape = [2, 5, 6]

  /// The steps in words, `conv + sum + relu + affine`, by the names of what a plan keeps.
  private static func steps(
    endings: Bool = true, keeping: [ComputationGraph.Value] = [],
    _ build: (inout ComputationGraph, ComputationGraph.Value) -> ComputationGraph.Value
  ) -> [String] {
    var graph = ComputationGraph(input: image)
    let output = build(&graph, graph.input)
    let kept = Set((keeping + [output]).map(\.index))
    return GraphFusion.steps(of: graph, kept: kept, endings: endings).map { step in
      let name =
        switch step.operation {
        case .input: "input"
        case .convolution: "conv"
        case .linear: "linear"
        case .affine: "affine"
        case .relu: "relu"
        case .maxPool: "maxPool"
        case .averagePool: "averagePool"
        case .adaptiveAveragePool: "adaptivePool"
        case .reshape: "reshape"
        case .sum: "sum"
        case .custom: "custom"
        }
      return
        ([name] + [step.addend.map { _ in "sum" }, step.thenReLU ? "relu" : nil].compactMap(\.self)
        + (step.scale == nil ? [] : ["affine"])).joined(separator: " + ")
    }
  }

  /// As `steps`, with the value that `build` hands to its last argument kept.
  private static func stepsKeeping(
    endings: Bool = true,
    _ build: (inout ComputationGraph, ComputationGraph.Value, inout ComputationGraph.Value?) ->
      ComputationGraph.Value
  ) -> [String] {
    var probe = ComputationGraph(input: image)
    var kept: ComputationGraph.Value?
    _ = build(&probe, probe.input, &kept)
    return steps(endings: endings, keeping: [kept].compactMap(\.self)) { graph, x in
      var ignored: ComputationGraph.Value?
      return build(&graph, x, &ignored)
    }
  }

  private static func conv(_ graph: inout ComputationGraph, _ x: ComputationGraph.Value)
    -> ComputationGraph.Value
  {
    let channels = graph.shape(of: x)[0]
    return graph.convolution(
      x, weight: .ones(shape: [channels, channels, 3, 3]), bias: nil,
      settings: ConvolutionSettings(padding: 1))
  }

  private static func affine(_ graph: inout ComputationGraph, _ x: ComputationGraph.Value)
    -> ComputationGraph.Value
  {
    graph.affine(x, scale: Tensor([2, 3]), shift: Tensor([-1, 1]))
  }

  @Test(arguments: [true, false]) func reluJoinsWhatMakesItsInput(endings: Bool) {
    #expect(Self.steps(endings: endings) { g, x in g.relu(Self.conv(&g, x)) } == ["conv + relu"])
    #expect(
      Self.steps(endings: endings) { g, x in g.relu(g.maxPool(x, PoolingWindow(2))) } == ["maxPool + relu"])
    #expect(Self.steps(endings: endings) { g, x in g.relu(Self.affine(&g, x)) } == ["affine + relu"])
    #expect(Self.steps(endings: endings) { g, x in g.relu(g.sum(x, x)) } == ["sum + relu"])
    let linear = Self.steps(endings: endings) { g, x in
      g.relu(g.linear(g.flatten(x), weight: .ones(shape: [3, 60]), bias: nil))
    }
    #expect(linear == ["reshape", "linear + relu"])
  }

  // Means of rectified values are not rectified means of values, a reshape shares memory, and a second ReLU has nothing
  // left to do but is a step of its own.
  @Test func reluStandsAloneAfterOthers() {
    #expect(Self.steps { g, x in g.relu(x) } == ["relu"])
    #expect(Self.steps { g, x in g.relu(g.averagePool(x, PoolingWindow(2))) } == ["averagePool", "relu"])
    #expect(Self.steps { g, x in g.relu(g.adaptiveAveragePool(x, to: 1)) } == ["adaptivePool", "relu"])
    #expect(Self.steps { g, x in g.relu(g.flatten(x)) } == ["reshape", "relu"])
    #expect(Self.steps { g, x in g.relu(g.relu(Self.conv(&g, x))) } == ["conv + relu", "relu"])
    // after the scale and shift of an ending the ReLU would come too late
    let late = Self.steps { g, x in g.relu(Self.affine(&g, g.relu(Self.conv(&g, x)))) }
    #expect(late == ["conv + relu + affine", "relu"])
    let custom = ComputationGraph.Custom(forward: { $0 }, gradient: { $1 })
    #expect(Self.steps { g, x in g.relu(g.custom(x, shape: Self.image, custom)) } == ["custom", "relu"])
  }

  @Test func reluLeavesKeptAndSharedValuesAlone() {
    let kept = Self.stepsKeeping { g, x, kept in
      let y = Self.conv(&g, x)
      kept = y
      return g.relu(y)
    }
    #expect(kept == ["conv", "relu"])
    let shared = Self.steps { g, x in
      let y = Self.conv(&g, x)
      return g.maxPool(g.sum(g.relu(y), y), PoolingWindow(2))
    }
    #expect(shared == ["conv", "relu", "sum", "maxPool"])
    // Kept or not, what joins is what comes before the kept value.
    let before = Self.stepsKeeping { g, x, kept in
      let y = g.relu(Self.conv(&g, x))
      kept = y
      return g.maxPool(y, PoolingWindow(2))
    }
    #expect(before == ["conv + relu", "maxPool"])
  }

  @Test(arguments: [true, false]) func affineFoldsIntoConvolution(endings: Bool) {
    #expect(Self.steps(endings: endings) { g, x in Self.affine(&g, Self.conv(&g, x)) } == ["conv"])
    let twice = Self.steps(endings: endings) { g, x in Self.affine(&g, Self.affine(&g, Self.conv(&g, x))) }
    #expect(twice == ["conv"])
    let block = Self.steps(endings: endings) { g, x in g.relu(Self.affine(&g, Self.conv(&g, x))) }
    #expect(block == ["conv + relu"])
  }

  // Before a padded convolution it cannot be folded: the padding's zeros would be shifted too.
  @Test func affineBeforeConvolutionStays() {
    #expect(Self.steps { g, x in Self.conv(&g, Self.affine(&g, x)) } == ["affine", "conv"])
    #expect(Self.steps { g, x in Self.affine(&g, g.maxPool(x, PoolingWindow(2))) } == ["maxPool", "affine"])
  }

  @Test func affineLeavesKeptAndSharedValuesAlone() {
    let kept = Self.stepsKeeping { g, x, kept in
      let y = Self.conv(&g, x)
      kept = y
      return Self.affine(&g, y)
    }
    #expect(kept == ["conv", "affine"])
    let shared = Self.steps { g, x in
      let y = Self.conv(&g, x)
      return g.maxPool(g.sum(Self.affine(&g, y), y), PoolingWindow(2))
    }
    #expect(shared == ["conv", "affine", "sum", "maxPool"])
    let keptReLU = Self.stepsKeeping { g, x, kept in
      let y = g.relu(Self.conv(&g, x))
      kept = y
      return Self.affine(&g, y)
    }
    #expect(keptReLU == ["conv + relu", "affine"])
  }

  // Once scaled and shifted, a rectified value no longer tells where the ReLU was closed, so never on the way back.
  @Test func affineEndsConvolutionForwardOnly() {
    func build(_ g: inout ComputationGraph, _ x: ComputationGraph.Value) -> ComputationGraph.Value {
      Self.affine(&g, g.relu(Self.conv(&g, x)))
    }
    #expect(Self.steps(endings: true, build) == ["conv + relu + affine"])
    #expect(Self.steps(endings: false, build) == ["conv + relu", "affine"])
    let second = Self.steps { g, x in Self.affine(&g, Self.affine(&g, g.relu(Self.conv(&g, x)))) }
    #expect(second == ["conv + relu + affine", "affine"])
    let residual = Self.steps { g, x in Self.affine(&g, g.sum(Self.conv(&g, x), x)) }
    #expect(residual == ["conv + sum + affine"])
    let late = Self.steps { g, x in g.relu(Self.affine(&g, g.sum(Self.conv(&g, x), x))) }
    #expect(late == ["conv + sum + affine", "relu"])
  }

  @Test(arguments: [true, false]) func sumJoinsTheLastConvolution(endings: Bool) {
    let right = Self.steps(endings: endings) { g, x in g.relu(g.sum(x, Self.conv(&g, x))) }
    #expect(right == ["conv + sum + relu"])
    let left = Self.steps(endings: endings) { g, x in g.relu(g.sum(Self.conv(&g, x), x)) }
    #expect(left == ["conv + sum + relu"])
    // either operand's convolution may have been written down first; the last one takes the sum
    for isSwapped in [false, true] {
      let both = Self.steps(endings: endings) { g, x in
        let a = Self.affine(&g, Self.conv(&g, x))
        let b = Self.conv(&g, x)
        return isSwapped ? g.sum(b, a) : g.sum(a, b)
      }
      #expect(both == ["conv", "conv + sum"])
    }
    let chain = Self.steps(endings: endings) { g, x in g.sum(x, g.sum(Self.conv(&g, x), x)) }
    #expect(chain == ["conv + sum", "sum"])
  }

  // A convolution that runs before the other operand is made cannot add it.
  @Test func sumNeverJoinsAnEarlierConvolution() {
    let steps = Self.steps { g, x in
      let a = Self.conv(&g, x)
      return g.sum(a, g.relu(Self.affine(&g, x)))
    }
    #expect(steps == ["conv", "affine + relu", "sum"])
  }

  @Test func sumLeavesRectifiedKeptAndSharedValuesAlone() {
    #expect(Self.steps { g, x in g.sum(g.relu(Self.conv(&g, x)), x) } == ["conv + relu", "sum"])
    let kept = Self.stepsKeeping { g, x, kept in
      let y = Self.conv(&g, x)
      kept = y
      return g.sum(y, x)
    }
    #expect(kept == ["conv", "sum"])
    let doubled = Self.steps { g, x in
      let y = Self.conv(&g, x)
      return g.sum(y, y)
    }
    #expect(doubled == ["conv", "sum"])
    let scaled = Self.steps { g, x in g.sum(Self.affine(&g, g.relu(Self.conv(&g, x))), x) }
    #expect(scaled == ["conv + relu + affine", "sum"])
    let keptSum = Self.stepsKeeping { g, x, kept in
      let y = g.sum(Self.conv(&g, x), x)
      kept = y
      return g.relu(y)
    }
    #expect(keptSum == ["conv + sum", "relu"])
  }
}

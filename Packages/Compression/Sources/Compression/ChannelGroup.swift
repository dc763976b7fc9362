/// A slice of a parameter or buffer: all its numbers at one index of one axis.
public struct ChannelSlice: Sendable, Hashable {
  /// The parameter's or buffer's name.
  public let name: String
  /// 0 for what makes a channel, 1 for what reads it.
  public let axis: Int
  /// The index along the axis.
  public let index: Int
}

/// Channels of layers that depend on each other, so that one of them can only be removed from all: the outputs of one
/// convolution, its batch norm and the inputs of the next layer; or, where results are added, of every layer whose outputs
/// are summed.
///
/// Source: Fang, Ma, Song, Mi, Wang, "DepGraph: Towards Any Structural Pruning", CVPR 2023.
public struct ChannelGroup: Sendable, Hashable {
  /// For each channel all slices that go with it.
  public let channels: [[ChannelSlice]]

  /// How many channels there are.
  public var count: Int { channels.count }

  /// The parameters and buffers that the channels are slices of, with the axis: `conv1.weight/0`, in order of names.
  public var members: [String] { Set(channels.joined().map { "\($0.name)/\($0.axis)" }).sorted() }
}

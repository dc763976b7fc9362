// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "NNLayers",
  products: [.library(name: "NNLayers", targets: ["NNLayers"])],
  dependencies: [.package(path: "../AutoDiffLite"), .package(path: "../TensorCore")],
  targets: [
    .target(name: "NNLayers", dependencies: ["AutoDiffLite", "TensorCore"]),
    .testTarget(
      name: "NNLayersTests", dependencies: ["NNLayers"],
      resources: [.copy("Fixtures")]),
  ]
)

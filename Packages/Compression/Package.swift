// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Compression",
  products: [.library(name: "Compression", targets: ["Compression"])],
  dependencies: [
    .package(path: "../AutoDiffLite"), .package(path: "../NNLayers"), .package(path: "../TensorCore"),
  ],
  targets: [
    .target(name: "Compression", dependencies: ["AutoDiffLite", "NNLayers", "TensorCore"]),
    .testTarget(
      name: "CompressionTests", dependencies: ["Compression"],
      resources: [.copy("Fixtures")]),
  ]
)

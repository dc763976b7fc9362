// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Attacks",
  products: [.library(name: "Attacks", targets: ["Attacks"])],
  dependencies: [
    .package(path: "../NNLayers"), .package(path: "../AutoDiffLite"), .package(path: "../TensorCore"),
  ],
  targets: [
    .target(name: "Attacks", dependencies: ["NNLayers", "AutoDiffLite", "TensorCore"]),
    .testTarget(name: "AttacksTests", dependencies: ["Attacks"], resources: [.copy("Fixtures")]),
  ]
)

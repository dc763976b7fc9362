// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Interpretability",
  products: [.library(name: "Interpretability", targets: ["Interpretability"])],
  dependencies: [
    .package(path: "../AutoDiffLite"), .package(path: "../NNLayers"), .package(path: "../TensorCore"),
  ],
  targets: [
    .target(name: "Interpretability", dependencies: ["AutoDiffLite", "NNLayers", "TensorCore"]),
    .testTarget(
      name: "InterpretabilityTests", dependencies: ["Interpretability"],
      resources: [.copy("Fixtures")]),
  ]
)

// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Defenses",
  products: [.library(name: "Defenses", targets: ["Defenses"])],
  dependencies: [
    .package(path: "../Attacks"), .package(path: "../ImageCodecs"), .package(path: "../NNLayers"),
    .package(path: "../AutoDiffLite"), .package(path: "../TensorCore"),
  ],
  targets: [
    .target(
      name: "Defenses", dependencies: ["Attacks", "ImageCodecs", "NNLayers", "AutoDiffLite", "TensorCore"]),
    .testTarget(name: "DefensesTests", dependencies: ["Defenses"], resources: [.copy("Fixtures")]),
  ]
)

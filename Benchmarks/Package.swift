// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "Rampart", path: "..")],
  targets: [
    .executableTarget(
      name: "rampart-bench",
      dependencies: [
        .product(name: "TensorCore", package: "Rampart"), .product(name: "AutoDiffLite", package: "Rampart"),
        .product(name: "NNLayers", package: "Rampart"), .product(name: "Attacks", package: "Rampart"),
        .product(name: "Defenses", package: "Rampart"), .product(name: "Datasets", package: "Rampart"),
      ])
  ]
)

// swift-tools-version: 6.0
import PackageDescription

// A user's own package: it sees the products only, as a package that depends on Rampart by git URL does.
let package = Package(
  name: "OutsideUser",
  dependencies: [.package(name: "Rampart", path: "../..")],
  targets: [
    .executableTarget(
      name: "outside-user",
      dependencies: [
        .product(name: "Attacks", package: "Rampart"), .product(name: "AutoDiffLite", package: "Rampart"),
        .product(name: "Compression", package: "Rampart"), .product(name: "Datasets", package: "Rampart"),
        .product(name: "ImageCodecs", package: "Rampart"), .product(name: "NNLayers", package: "Rampart"),
        .product(name: "Reporting", package: "Rampart"), .product(name: "TensorCore", package: "Rampart"),
      ])
  ]
)

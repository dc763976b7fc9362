// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Datasets",
  products: [.library(name: "Datasets", targets: ["Datasets"])],
  dependencies: [.package(path: "../TensorCore"), .package(path: "../ImageCodecs")],
  targets: [
    .target(name: "Datasets", dependencies: ["TensorCore", "ImageCodecs"]),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets"],
      resources: [.copy("Fixtures")]),
  ]
)

// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "AutoDiffLite",
  products: [.library(name: "AutoDiffLite", targets: ["AutoDiffLite"])],
  dependencies: [.package(path: "../TensorCore")],
  targets: [
    .target(name: "AutoDiffLite", dependencies: ["TensorCore"]),
    .testTarget(
      name: "AutoDiffLiteTests", dependencies: ["AutoDiffLite"],
      resources: [.copy("Fixtures")]),
  ]
)

// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Reporting",
  products: [.library(name: "Reporting", targets: ["Reporting"])],
  dependencies: [.package(path: "../TensorCore"), .package(path: "../ImageCodecs")],
  targets: [
    .target(name: "Reporting", dependencies: ["TensorCore", "ImageCodecs"]),
    .testTarget(name: "ReportingTests", dependencies: ["Reporting"]),
  ]
)

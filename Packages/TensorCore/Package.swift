// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "TensorCore",
  products: [.library(name: "TensorCore", targets: ["TensorCore"])],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CLAPACKE", path: "Sources/CLAPACKE", pkgConfig: "lapacke",
      providers: [.apt(["liblapacke-dev"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CKernels"),
    .target(name: "TensorCore", dependencies: ["CKernels", "COpenBLAS", "CLAPACKE", "CZlib"]),
    .testTarget(
      name: "TensorCoreTests", dependencies: ["TensorCore"], resources: [.copy("Fixtures")]),
  ]
)

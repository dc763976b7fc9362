// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "ImageCodecs",
  products: [.library(name: "ImageCodecs", targets: ["ImageCodecs"])],
  dependencies: [.package(path: "../TensorCore")],
  targets: [
    .systemLibrary(
      name: "CPNG", path: "Sources/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Sources/CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"])]),
    .target(name: "ImageCodecs", dependencies: ["TensorCore", "CPNG", "CTurboJPEG"]),
    .testTarget(
      name: "ImageCodecsTests", dependencies: ["ImageCodecs"],
      resources: [.copy("Fixtures")]),
  ]
)

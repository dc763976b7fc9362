// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Rampart",
  products: [
    .library(name: "TensorCore", targets: ["TensorCore"]),
    .library(name: "ImageCodecs", targets: ["ImageCodecs"]),
    .library(name: "AutoDiffLite", targets: ["AutoDiffLite"]),
    .library(name: "NNLayers", targets: ["NNLayers"]),
    .library(name: "Datasets", targets: ["Datasets"]),
    .library(name: "Attacks", targets: ["Attacks"]),
    .library(name: "Defenses", targets: ["Defenses"]),
    .library(name: "Compression", targets: ["Compression"]),
    .library(name: "Interpretability", targets: ["Interpretability"]),
    .library(name: "Reporting", targets: ["Reporting"]),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", path: "Packages/TensorCore/Sources/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CLAPACKE", path: "Packages/TensorCore/Sources/CLAPACKE", pkgConfig: "lapacke",
      providers: [.apt(["liblapacke-dev"])]),
    .systemLibrary(
      name: "CZlib", path: "Packages/TensorCore/Sources/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CPNG", path: "Packages/ImageCodecs/Sources/CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Packages/ImageCodecs/Sources/CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"])]),

    .target(name: "CKernels", path: "Packages/TensorCore/Sources/CKernels"),
    .target(
      name: "TensorCore", dependencies: ["CKernels", "COpenBLAS", "CLAPACKE", "CZlib"],
      path: "Packages/TensorCore/Sources/TensorCore"),
    .target(
      name: "ImageCodecs", dependencies: ["TensorCore", "CPNG", "CTurboJPEG"],
      path: "Packages/ImageCodecs/Sources/ImageCodecs"),
    .target(
      name: "AutoDiffLite", dependencies: ["TensorCore"],
      path: "Packages/AutoDiffLite/Sources/AutoDiffLite"),
    .target(
      name: "NNLayers", dependencies: ["AutoDiffLite", "TensorCore"],
      path: "Packages/NNLayers/Sources/NNLayers"),
    .target(
      name: "Datasets", dependencies: ["TensorCore", "ImageCodecs"],
      path: "Packages/Datasets/Sources/Datasets"),
    .target(
      name: "Attacks", dependencies: ["NNLayers", "AutoDiffLite", "TensorCore"],
      path: "Packages/Attacks/Sources/Attacks"),
    .target(
      name: "Defenses", dependencies: ["Attacks", "ImageCodecs", "NNLayers", "AutoDiffLite", "TensorCore"],
      path: "Packages/Defenses/Sources/Defenses"),
    .target(
      name: "Compression", dependencies: ["AutoDiffLite", "NNLayers", "TensorCore"],
      path: "Packages/Compression/Sources/Compression"),
    .target(
      name: "Interpretability", dependencies: ["AutoDiffLite", "NNLayers", "TensorCore"],
      path: "Packages/Interpretability/Sources/Interpretability"),
    .target(
      name: "Reporting", dependencies: ["TensorCore", "ImageCodecs"],
      path: "Packages/Reporting/Sources/Reporting"),

    .target(
      name: "ProgramSupport",
      dependencies: ["Attacks", "Datasets", "NNLayers", "Reporting", "TensorCore"],
      path: "Examples/ProgramSupport"),
    .executableTarget(
      name: "linear-adversary",
      dependencies: [
        "Attacks", "Datasets", "ImageCodecs", "NNLayers", "ProgramSupport", "Reporting", "TensorCore",
      ], path: "Examples/linear-adversary"),
    .executableTarget(
      name: "mnist-mlp",
      dependencies: [
        "Attacks", "AutoDiffLite", "Datasets", "NNLayers", "ProgramSupport", "Reporting", "TensorCore",
      ], path: "Examples/mnist-mlp"),
    .executableTarget(
      name: "mnist-cnn",
      dependencies: [
        "Attacks", "Datasets", "Defenses", "NNLayers", "ProgramSupport", "Reporting", "TensorCore",
      ], path: "Examples/mnist-cnn"),

    .executableTarget(
      name: "smoothing",
      dependencies: [
        "Attacks", "Datasets", "Defenses", "NNLayers", "ProgramSupport", "Reporting", "TensorCore",
      ], path: "Examples/smoothing"),

    .executableTarget(
      name: "sports",
      dependencies: [
        "Attacks", "Compression", "Datasets", "Defenses", "ImageCodecs", "Interpretability", "NNLayers",
        "ProgramSupport", "Reporting", "TensorCore",
      ], path: "Examples/sports"),

    .executableTarget(
      name: "prepare-data", dependencies: ["Datasets", "TensorCore"], path: "Tools/prepare-data"),

    .testTarget(
      name: "TensorCoreTests", dependencies: ["TensorCore"],
      path: "Packages/TensorCore/Tests/TensorCoreTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "ImageCodecsTests", dependencies: ["ImageCodecs"],
      path: "Packages/ImageCodecs/Tests/ImageCodecsTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "AutoDiffLiteTests", dependencies: ["AutoDiffLite"],
      path: "Packages/AutoDiffLite/Tests/AutoDiffLiteTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NNLayersTests", dependencies: ["NNLayers"],
      path: "Packages/NNLayers/Tests/NNLayersTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets"],
      path: "Packages/Datasets/Tests/DatasetsTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "AttacksTests", dependencies: ["Attacks"], path: "Packages/Attacks/Tests/AttacksTests",
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "DefensesTests", dependencies: ["Defenses"], path: "Packages/Defenses/Tests/DefensesTests",
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "CompressionTests", dependencies: ["Compression"],
      path: "Packages/Compression/Tests/CompressionTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "InterpretabilityTests", dependencies: ["Interpretability"],
      path: "Packages/Interpretability/Tests/InterpretabilityTests", resources: [.copy("Fixtures")]),
    .testTarget(
      name: "ReportingTests", dependencies: ["Reporting"], path: "Packages/Reporting/Tests/ReportingTests"),
    .testTarget(
      name: "RampartTests",
      dependencies: [
        "Attacks", "AutoDiffLite", "Compression", "Datasets", "Defenses", "ImageCodecs", "NNLayers",
        "ProgramSupport", "Reporting", "TensorCore", "linear-adversary", "mnist-cnn", "mnist-mlp",
        "smoothing", "sports",
      ], path: "Tests/RampartTests"),
  ]
)

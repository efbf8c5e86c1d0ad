// swift-tools-version:6.1
import PackageDescription

/// The kit for plugins in Embedded Swift. A plugin is a package of its own that depends on it by its path, as
/// `octavo plugin new NAME --language swift` writes it.

/// No Swift runtime of its own, so that a shared object is small and can be unmapped.
let embedded: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-no-static-stdlib"]),
]

/// Of every plugin that the kit is linked into: it exports its entry symbol and nothing else, binds to itself first, and
/// names the libraries that it needs, of which the standard library's dictionaries make libm one.
let link: [LinkerSetting] = [
    .linkedLibrary("m"),
    .unsafeFlags([
        "-no-static-stdlib", "-enable-experimental-feature", "Embedded",
        "-Xlinker", "-Bsymbolic", "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "defs",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/plugin.map",
    ])
]

let package = Package(
    name: "plugin-kit",
    products: [.library(name: "PluginKit", targets: ["PluginKit", "COctavo"])],
    targets: [
        .target(name: "PluginKit", dependencies: ["COctavo", "CPluginKit"], swiftSettings: embedded, linkerSettings: link),
        .target(name: "CPluginKit"),
        .target(name: "COctavo", sources: ["src"], publicHeadersPath: "include"),
    ]
)

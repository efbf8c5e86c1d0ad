// swift-tools-version:6.1
import PackageDescription

/// What every Swift target of the runtime is compiled with.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Generated messages are many and cold; nothing looks into them by reflection.
let generated: [SwiftSetting] = [
    .unsafeFlags(["-Osize", "-Xfrontend", "-disable-reflection-metadata"], .when(configuration: .release))
]

/// C targets: warnings are errors.
let warnings: [CSetting] = [.unsafeFlags(["-std=c11", "-Wall", "-Wextra", "-Werror"])]

/// Plugins and their kit have no Swift runtime of their own, so that a shared object is small and
/// can be unmapped.
let embedded: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-no-static-stdlib"]),
]

/// A plugin waits for its backend: small code serves better than fast code.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// Each plugin compiles its own copy of a kit's functions. With a subclass in the plugin these reach the kit's internal
/// functions, which the optimizer refuses (Swift 6.3, "function has wrong linkage") unless they can be seen, as in a debug build.
let reachable: [SwiftSetting] = [.unsafeFlags(["-enable-testing"], .when(configuration: .release))]

/// A plugin exports its entry symbol and nothing else, binds to itself first, and names the libraries that it needs, of
/// which the standard library's dictionaries make libm one.
let pluginLink: [LinkerSetting] = [
    .linkedLibrary("m"),
    .unsafeFlags([
        "-no-static-stdlib", "-enable-experimental-feature", "Embedded",
        "-Xlinker", "-Bsymbolic", "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "defs",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/sdk-c/plugin.map",
        // Dictionaries round up. A plugin without one does not ask for the library.
        "-Xlinker", "--as-needed",
    ]),
    .linkedLibrary("m"),
]

/// The executable exports nothing: symbols that it exported could not be stripped. Its 40,000 relative relocations
/// are packed, a megabyte less to read at each start, which only lld does; `tools/link` has libstdc++ linked
/// statically, of which the Swift runtime uses little.
let octavoLink: [LinkerSetting] = [
    .unsafeFlags([
        "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
        "-L\(Context.packageDirectory)/tools/link",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/tools/link/executable.map",
    ], .when(configuration: .release))
]

/// C alone: without this the Swift runtime would be linked, too.
let hostLink: [LinkerSetting] = [
    .unsafeFlags(["-no-static-stdlib", "-enable-experimental-feature", "Embedded"])
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let concurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// A plugin: one folder under `plugins`, one shared object `liboctavo-plugin-NAME.so`. `native` holds
/// the note and what is better said in C; its argument names libraries of C, `kits` more of what is shared in Swift.
func plugin(
    _ name: String, target: String, native: [Target.Dependency] = [], kits: [Target.Dependency] = [], folder: String = "plugins"
) -> [Target] {
    [
        .target(
            name: "\(target)Native", dependencies: ["COctavo"] + native, path: "\(folder)/\(name)/native",
            publicHeadersPath: ".", cSettings: warnings),
        .target(
            name: target, dependencies: ["PluginKit", "COctavo", .init(stringLiteral: "\(target)Native")] + native + kits,
            path: "\(folder)/\(name)", exclude: ["README.md", "native"], swiftSettings: embedded + small,
            linkerSettings: pluginLink),
    ]
}

let plugins: [Target] =
    plugin("memory", target: "MemoryPlugin")
    + plugin("sqlite", target: "SQLitePlugin", native: ["CSQLite"])
    + plugin("redis", target: "RedisPlugin", native: ["CPluginTLS"])
    + plugin("local-secrets", target: "LocalSecretsPlugin")
    + plugin("config-file", target: "ConfigFilePlugin")
    + plugin("postgresql", target: "PostgreSQLPlugin", native: ["CPostgreSQL"])
    + plugin("crypto", target: "CryptoPlugin", kits: ["PluginKeys", "CPluginKeys"])
    + plugin("etcd", target: "EtcdPlugin", kits: ["PluginHTTP"])
    + plugin("vault", target: "VaultPlugin", kits: ["PluginHTTP"])
    + plugin("kubernetes", target: "KubernetesPlugin", kits: ["PluginHTTP", "CPluginYAML"])
    + plugin("http-probe", target: "HTTPProbe", kits: ["PluginHTTP"], folder: "Tests/Fixtures")
    + plugin("rabbitmq", target: "RabbitMQPlugin", native: ["CRabbitMQ", "CPluginTLS"])
    + plugin("mqtt", target: "MQTTPlugin", native: ["CPluginTLS"])
    + plugin("nats", target: "NATSPlugin", native: ["CNats"])
    + plugin("local-bindings", target: "LocalBindingsPlugin")
    + plugin("web-bindings", target: "WebBindingsPlugin", kits: ["PluginHTTP", "CCurl"])
    + plugin("consul", target: "ConsulPlugin", kits: ["PluginHTTP"])
    + plugin("names", target: "NamesPlugin", kits: ["CPluginYAML"])
    + plugin("middleware", target: "MiddlewarePlugin", kits: ["PluginHTTP", "PluginKeys", "CPluginKeys"])
    + plugin("aws", target: "AWSPlugin", native: ["COpenSSL"], kits: ["PluginHTTP"])

let package = Package(
    name: "octavo",
    products: [
        .executable(name: "octavo", targets: ["octavo"]),
        .executable(name: "octavo-plugin-host", targets: ["octavo-plugin-host"]),
        .library(name: "octavo-plugin-memory", type: .dynamic, targets: ["MemoryPlugin"]),
        .library(name: "octavo-plugin-sqlite", type: .dynamic, targets: ["SQLitePlugin"]),
        .library(name: "octavo-plugin-redis", type: .dynamic, targets: ["RedisPlugin"]),
        .library(name: "octavo-plugin-local-secrets", type: .dynamic, targets: ["LocalSecretsPlugin"]),
        .library(name: "octavo-plugin-config-file", type: .dynamic, targets: ["ConfigFilePlugin"]),
        .library(name: "octavo-plugin-postgresql", type: .dynamic, targets: ["PostgreSQLPlugin"]),
        .library(name: "octavo-plugin-crypto", type: .dynamic, targets: ["CryptoPlugin"]),
        .library(name: "octavo-plugin-etcd", type: .dynamic, targets: ["EtcdPlugin"]),
        .library(name: "octavo-plugin-vault", type: .dynamic, targets: ["VaultPlugin"]),
        .library(name: "octavo-plugin-kubernetes", type: .dynamic, targets: ["KubernetesPlugin"]),
        // For tests alone: nothing installs it.
        .library(name: "http-probe", type: .dynamic, targets: ["HTTPProbe"]),
        .library(name: "octavo-plugin-local-bindings", type: .dynamic, targets: ["LocalBindingsPlugin"]),
        .library(name: "octavo-plugin-web-bindings", type: .dynamic, targets: ["WebBindingsPlugin"]),
        .library(name: "octavo-plugin-consul", type: .dynamic, targets: ["ConsulPlugin"]),
        .library(name: "octavo-plugin-names", type: .dynamic, targets: ["NamesPlugin"]),
        .library(name: "octavo-plugin-middleware", type: .dynamic, targets: ["MiddlewarePlugin"]),
        .library(name: "octavo-plugin-aws", type: .dynamic, targets: ["AWSPlugin"]),
        .library(name: "octavo-plugin-rabbitmq", type: .dynamic, targets: ["RabbitMQPlugin"]),
        .library(name: "octavo-plugin-mqtt", type: .dynamic, targets: ["MQTTPlugin"]),
        .library(name: "octavo-plugin-nats", type: .dynamic, targets: ["NATSPlugin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // The command line.
        .executableTarget(
            name: "octavo",
            dependencies: [
                "Runtime", "AdminAPI", "Arguments", "Certificates", "Console", "Components", "PluginCheck", "Resources", "JSONText", "Telemetry", logging,
            ], swiftSettings: strict, linkerSettings: octavoLink),
        .target(
            name: "Runtime",
            dependencies: [
                "Transport", "DaprAPI", "DaprProtos", "AdminAPI", "AppChannel", "BuildingBlocks", "Certificates", "Governance", "Invocation", "Middleware",
                "Components", "COctavo",
                "COctavoHost", "Resources", "Telemetry", "TextSearch", "TelemetryExport", "Tracing", logging, concurrency,
            ] + nio, swiftSettings: strict),
        .target(
            name: "TelemetryExport",
            dependencies: ["Transport", "Tracing", "Telemetry", "JSONText", "ProtoWire", logging, concurrency] + nio, swiftSettings: strict),

        // Wire APIs.
        .target(
            name: "DaprAPI",
            dependencies: [
                "Transport", "BuildingBlocks", "Invocation", "Components", "COctavo", "DaprProtos", "JSONText", "ProtoWire", "TextSearch",
                "Tracing", concurrency,
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "AdminAPI",
            dependencies: ["Transport", "BuildingBlocks", "Components", "Telemetry", "JSONText", logging] + nio,
            swiftSettings: strict),
        .target(
            name: "DaprProtos", dependencies: ["JSONText", "ProtoWire"], exclude: ["proto"], swiftSettings: strict + generated),
        .target(name: "ProtoWire", swiftSettings: strict),

        // What the APIs mean, and the components that answer.
        .target(
            name: "BuildingBlocks",
            dependencies: ["CEL", "Components", "COctavo", "COpenSSL", "Governance", "JSONText", "TextSearch", "Tracing", logging] + nio,
            swiftSettings: strict),
        .target(
            name: "Invocation",
            dependencies: ["BuildingBlocks", "Certificates", "Components", "COctavo", "Governance", "JSONText", "Middleware", "Tracing", "Transport"] + nio,
            swiftSettings: strict),
        .target(name: "Middleware", dependencies: ["Components", "COctavo", "JSONText", "Transport"] + nio, swiftSettings: strict),
        .target(
            name: "AppChannel",
            dependencies: [
                "BuildingBlocks", "Invocation", "DaprProtos", "JSONText", "ProtoWire", "Tracing", "Transport", logging, concurrency,
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "Components",
            dependencies: [
                "Telemetry", "Tracing", "COctavo", "COctavoRing", "COctavoHost", "COctavoIsolation", "Governance", "TextSearch", logging,
                concurrency,
            ] + nio,
            swiftSettings: strict),

        .target(
            name: "PluginCheck",
            dependencies: ["Components", "COctavo", "COctavoRing", logging, concurrency] + nio,
            swiftSettings: strict),

        // Bytes in and out.
        .target(
            name: "Transport",
            dependencies: [
                "Certificates", "CNGHTTP2", "COpenSSL", "CZlib", "Telemetry", "TextSearch", "Tracing",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"), logging,
            ] + nio,
            // Checked in debug builds, which the tests run; costs a tenth of a small call's time.
            swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]),
        .target(name: "Resources", dependencies: ["CLibYAML", "Governance", "JSONText", "TextSearch"], swiftSettings: strict),
        .target(name: "Certificates", dependencies: ["COpenSSL"], swiftSettings: strict),
        .target(name: "JSONText", swiftSettings: strict),
        .target(name: "TextSearch", swiftSettings: strict),
        .target(name: "CEL", dependencies: ["TextSearch"], swiftSettings: strict),
        .target(name: "Governance", dependencies: ["CEL"], swiftSettings: strict),
        .target(name: "Console", swiftSettings: strict),
        .target(name: "Arguments", dependencies: ["Console"], swiftSettings: strict),
        .target(name: "Telemetry", dependencies: ["JSONText", logging], swiftSettings: strict),
        // On the way of every request.
        .target(name: "Tracing", swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]),

        // The C ABI and its pieces.
        .target(name: "COctavo", path: "sdk-c", exclude: ["abi", "examples", "pkg-config", "plugin.map", "plugin-kit"], sources: ["src"],
                publicHeadersPath: "include", cSettings: warnings),
        .target(name: "COctavoRing", dependencies: ["COctavo"], cSettings: warnings),
        .target(name: "COctavoHost", dependencies: ["COctavo", "COctavoRing"], cSettings: warnings),
        .target(name: "COctavoIsolation", dependencies: ["COctavo", "COctavoRing", "COctavoHost"], cSettings: warnings),
        .executableTarget(
            name: "octavo-plugin-host", dependencies: ["COctavo", "COctavoRing", "COctavoHost"], cSettings: warnings,
            linkerSettings: [.linkedLibrary("dl"), .linkedLibrary("pthread")] + hostLink),

        // Plugins.
        .target(name: "CPluginKit", cSettings: warnings),
        .target(name: "CPluginYAML", dependencies: ["CLibYAML"], cSettings: warnings),
        .target(name: "CPluginTLS", dependencies: ["COpenSSL"], cSettings: warnings),
        .target(name: "CPluginKeys", dependencies: ["COctavo", "COpenSSL"], cSettings: warnings),
        .target(name: "PluginKeys", dependencies: ["PluginKit", "CPluginKeys"], swiftSettings: embedded + small + reachable),
        .target(name: "PluginKit", dependencies: ["COctavo", "CPluginKit"], swiftSettings: embedded),
        .target(name: "CCurl", cSettings: warnings, linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "PluginHTTP", dependencies: ["PluginKit", "CCurl"], swiftSettings: embedded + small + reachable),

        // Libraries of the system.
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CNats", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),

        // Tests.
        .testTarget(
            name: "TransportTests",
            dependencies: ["Transport", "CNGHTTP2", .product(name: "NIOEmbedded", package: "swift-nio")] + nio,
            exclude: ["python"], swiftSettings: strict),
        .testTarget(name: "CertificatesTests", dependencies: ["Certificates", "COpenSSL"], swiftSettings: strict),
        .testTarget(name: "InvocationTests", dependencies: ["Invocation", "Certificates"], swiftSettings: strict),
        .testTarget(name: "ResourcesTests", dependencies: ["Governance", "Resources"], swiftSettings: strict),
        .target(
            name: "EveryKind", dependencies: ["ProtoWire"], path: "Tests/EveryKind",
            exclude: ["every_kind.proto", "every_kind.binpb"], swiftSettings: strict),
        .testTarget(
            name: "ProtoWireTests", dependencies: ["ProtoWire", "EveryKind", "DaprProtos"], exclude: ["exchange.py"],
            swiftSettings: strict),
        .testTarget(name: "ArgumentsTests", dependencies: ["Arguments"], swiftSettings: strict),
        .testTarget(name: "GovernanceTests", dependencies: ["Governance"], swiftSettings: strict),
        .testTarget(name: "CELTests", dependencies: ["CEL"], swiftSettings: strict),
        .testTarget(name: "TextSearchTests", dependencies: ["TextSearch"], swiftSettings: strict),
        .testTarget(name: "JSONTextTests", dependencies: ["JSONText"], swiftSettings: strict),
        .testTarget(name: "TracingTests", dependencies: ["Tracing"], swiftSettings: strict),
        .testTarget(name: "TelemetryExportTests", dependencies: ["TelemetryExport", "Tracing", "Telemetry", logging], swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "JSONText", logging], swiftSettings: strict),
        .testTarget(
            name: "ComponentsTests", dependencies: ["Components", "COctavo", "COctavoRing", "COctavoHost", "Resources", logging, concurrency] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "RingTests", dependencies: ["COctavo", "COctavoRing"], exclude: ["Native"], swiftSettings: strict),
        .testTarget(
            name: "PluginTests", dependencies: ["PluginCheck", "COctavo", "COctavoRing", "COctavoHost", "AWSPluginNative"], exclude: ["Native", "python"],
            swiftSettings: strict),
        .testTarget(name: "PluginCheckTests", dependencies: ["octavo", "PluginCheck"], swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests", dependencies: ["octavo", "Arguments", "Console", "Runtime", "AdminAPI"] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "AdminAPITests", dependencies: ["AdminAPI", "Transport", "JSONText"] + nio, swiftSettings: strict),
        .testTarget(
            name: "BuildingBlocksTests", dependencies: ["BuildingBlocks", "Governance", "Components", "COctavo", "JSONText"] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "AppChannelTests",
            dependencies: ["AppChannel", "BuildingBlocks", "DaprProtos", "JSONText", "Transport", logging, concurrency] + nio,
            exclude: ["python"], swiftSettings: strict),
        .testTarget(
            name: "DaprAPITests",
            dependencies: [
                "DaprAPI", "BuildingBlocks", "Components", "Transport", "DaprProtos", "JSONText", "COctavo", "CNGHTTP2",
                "ProtoWire", logging,
            ] + nio, swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["JSONText"], exclude: ["python"], swiftSettings: strict),
    ] + plugins
)

// Load targets and fuzzers, built only when asked for.
if Context.environment["OCTAVO_BENCH"] == "1" {
    package.targets.append(
        .executableTarget(
            name: "transport-echo", dependencies: ["Transport"] + nio, path: "tools/bench/transport-echo",
            swiftSettings: strict))
    package.targets.append(
        .executableTarget(
            name: "transport-client", dependencies: ["Transport"] + nio, path: "tools/bench/transport-client",
            swiftSettings: strict))
    package.targets.append(
        .executableTarget(
            name: "state-api",
            dependencies: [
                "DaprAPI", "BuildingBlocks", "Components", "COctavo", "DaprProtos", "Transport", "ProtoWire", logging,
            ] + nio, path: "tools/bench/state-api", swiftSettings: strict))
    package.targets.append(
        .executableTarget(
            name: "octavo-bench", dependencies: ["Components", "COctavo", "COctavoHost", "COctavoIsolation", logging] + nio,
            path: "tools/bench/octavo-bench", swiftSettings: strict))
}

// `tools/fuzz NAME` builds and runs `fuzz-NAME`; libFuzzer brings the main function.
if Context.environment["OCTAVO_FUZZ"] == "1" {
    let fuzzer: [SwiftSetting] = strict + [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])]
    package.targets.append(
        .executableTarget(
            name: "fuzz-http2", dependencies: ["Transport", .product(name: "NIOEmbedded", package: "swift-nio")] + nio,
            path: "tools/fuzzing/http2", swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]))
    package.targets += [
        .executableTarget(
            name: "fuzz-http-client", dependencies: ["Transport", .product(name: "NIOEmbedded", package: "swift-nio")] + nio,
            path: "tools/fuzzing/http-client", exclude: ["seeds"], swiftSettings: fuzzer,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-http1-request", dependencies: ["Transport"] + nio, path: "tools/fuzzing/http1-request",
            exclude: ["seeds"], swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-http1-response", dependencies: ["Transport"] + nio, path: "tools/fuzzing/http1-response",
            exclude: ["seeds"], swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-yaml", dependencies: ["Resources"], path: "tools/fuzzing/yaml", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-plugin", dependencies: ["Components"], path: "tools/fuzzing/plugin", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-proto", dependencies: ["ProtoWire", "EveryKind"], path: "tools/fuzzing/proto", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-cel", dependencies: ["CEL"], path: "tools/fuzzing/cel", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .executableTarget(
            name: "fuzz-crypto", dependencies: ["BuildingBlocks"], path: "tools/fuzzing/crypto", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        // As the plugin is compiled.
        .executableTarget(
            name: "fuzz-tokens", dependencies: ["PluginKit", "PluginKeys", "CPluginKeys", "COctavo"], path: "tools/fuzzing/tokens",
            exclude: ["seeds"], swiftSettings: embedded + [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])],
            linkerSettings: [
                .linkedLibrary("m"), .unsafeFlags(["-use-ld=lld", "-no-static-stdlib", "-enable-experimental-feature", "Embedded"]),
            ]),
        .executableTarget(
            name: "fuzz-json", dependencies: ["JSONText"], path: "tools/fuzzing/json", exclude: ["seeds"],
            swiftSettings: fuzzer, linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
    ]
}

// Every file imports the module of regular expressions unasked, and one use of its `contains` or `replacing` on a
// string links 1.5 MB. Without the import it does not compile; `TextSearch` has what the runtime needs.
for target in package.targets where target.type == .regular || target.type == .executable {
    target.swiftSettings = (target.swiftSettings ?? []) + [
        .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])
    ]
}

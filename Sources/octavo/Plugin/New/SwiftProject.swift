import COctavo
import Glibc

/// The files of a new plugin in Embedded Swift: a package that depends on the plugin kit by its path.
struct SwiftProject {
    let id: String
    let kind: PluginKind
    /// The kit's folder, absolute.
    let kit: String

    /// The kinds that PluginKit has a class for.
    static func offers(_ kind: PluginKind) -> Bool {
        kind.number == OCTAVO_KIND_STATE || kind.number == OCTAVO_KIND_SECRET_STORE
    }

    /// The kit's folder: the one that is named, else the one that came with this executable.
    static func kit(named path: String?) throws -> String {
        let places = path.map { [$0] } ?? DefaultFolders.pluginKits()
        guard let place = places.first(where: isKit), let absolute = realpath(place, nil) else {
            guard let path else {
                throw CommandFailure(
                    "The plugin kit was not found: neither of \(places.joined(separator: ", ")) holds it. Name its folder with --kit, or "
                        + "write the plugin in C with --language c.")
            }
            throw CommandFailure(
                "The folder \(path) is no plugin kit: it has no Package.swift with Sources/PluginKit beside it. Name the kit of an "
                    + "installation, share/octavo/plugin-kit, or that of Octavo's sources, sdk-c/plugin-kit.")
        }
        defer { free(absolute) }
        let found = String(cString: absolute)
        guard found.utf8.allSatisfy({ $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 >= 0x20 }) else {
            throw CommandFailure(
                "The Swift package manager can't build the plugin kit in \(found): the path holds a quotation mark, backslash or control "
                    + "character. Copy the kit elsewhere and name it with --kit.")
        }
        return found
    }

    private static func isKit(_ folder: String) -> Bool {
        access(folder + "/Package.swift", R_OK) == 0 && access(folder + "/Sources/PluginKit", R_OK | X_OK) == 0
    }

    private var isState: Bool { kind.number == OCTAVO_KIND_STATE }
    private var typeName: String { String(cString: octavo_kind_at(kind.number).unsafelyUnwrapped.pointee.prefix) + id }
    /// `my-store` is the module `MyStorePlugin`: never the name of a module that there is.
    private var module: String {
        id.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Plugin"
    }

    /// A package is known by its folder's name.
    static func identity(_ folder: String) -> String { folder.split(separator: "/").last.map { $0.lowercased() } ?? "" }

    var files: [(name: String, text: String)] {
        let sources = "Sources/" + module
        return [
            ("Package.swift", package),
            (sources + "/Plugin.swift", SwiftTemplate.plugin(
                id: id, type: typeName, factory: isState ? "stateStore" : "secretStore", execution: "inline", title: id,
                fields: isState ? SwiftTemplate.stateFields : SwiftTemplate.secretFields)),
            (sources + "/Store.swift", isState ? SwiftTemplate.state : SwiftTemplate.secrets),
            (sources + "Note/note.c", SwiftTemplate.note(id: id, type: typeName, kind: isState ? "STATE" : "SECRET_STORE")),
            // A target of C is a module, which has a folder of headers.
            (sources + "Note/include/note.h", "/* Swift needs nothing of what is here. */\n"),
            ("Makefile", makefile), ("component.yaml", component), (".gitignore", ".build/\n*.so\n"), ("README.md", readme),
        ]
    }

    private var package: String {
        """
        // swift-tools-version:6.1
        import PackageDescription

        let kit = Target.Dependency.product(name: "PluginKit", package: "\(SwiftProject.identity(kit))")

        let package = Package(
            name: "\(id)",
            products: [.library(name: "\(id)", type: .dynamic, targets: ["\(module)"])],
            dependencies: [.package(path: "\(kit)")],
            targets: [
                .target(name: "\(module)Note", dependencies: [kit]),
                // Without a Swift runtime of its own: a small shared object that can be unmapped.
                .target(
                    name: "\(module)", dependencies: [kit, "\(module)Note"],
                    swiftSettings: [
                        .swiftLanguageMode(.v6), .enableExperimentalFeature("Embedded"),
                        .unsafeFlags(["-wmo", "-no-static-stdlib"]),
                        .unsafeFlags(["-Osize"], .when(configuration: .release)),
                    ]),
            ]
        )

        """
    }

    private var makefile: String {
        """
        # Builds the plugin with the Swift toolchain alone.
        PLUGINDIR ?= $(shell pkg-config --variable=plugindir octavo)

        \(id).so: $(wildcard Sources/*/*) Package.swift
        \tswift build -c release
        \tcp .build/release/lib\(id).so $@

        check: \(id).so
        \toctavo plugin check ./\(id).so

        install: \(id).so
        \tinstall -D -m 644 -s \(id).so $(DESTDIR)$(PLUGINDIR)/\(id).so

        clean:
        \trm -rf .build \(id).so

        .PHONY: check install clean

        """
    }

    private var component: String {
        """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: { name: \(id) }
        spec:
          type: \(typeName)
          version: v1

        """ + (isState ? "" : "  metadata:\n    - { name: secrets, value: \"greeting=hello\" }\n")
    }

    private var readme: String {
        """
        # \(id)

        A plugin of Octavo with the component type `\(typeName)`, in Embedded Swift over PluginKit.

            make
            make check
            make install

        `make` is `swift build -c release` (Swift 6.3 or later), which leaves `.build/release/lib\(id).so`. `Sources/\(module)/Plugin.swift`
        says what the plugin is, `Store.swift` what it does, `Sources/\(module)Note/note.c` what lists show; `component.yaml` makes a
        component of it. Each function of PluginKit says what it may do and on which thread.

        """
    }
}

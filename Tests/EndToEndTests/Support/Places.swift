import Foundation

/// Where the built programs and the test's own files are.
enum Places {
    /// The executable under test: that of `OCTAVO_BINARY`, else the one that was built with the tests.
    static let octavo = ProcessInfo.processInfo.environment["OCTAVO_BINARY"] ?? built + "/octavo"

    /// The folder of the executable and its plugins.
    static var products: String { (octavo as NSString).deletingLastPathComponent }

    /// An executable of a release, whose speed tells something: that of `OCTAVO_BINARY`, or a release build that is not
    /// older than the one under test; nil when there is none.
    static let release: String? = {
        if let named = ProcessInfo.processInfo.environment["OCTAVO_BINARY"] { return named }
        let found = package + "/.build/release/octavo"
        func made(_ path: String) -> Date? {
            (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
        }
        guard let release = made(found), let own = made(octavo), release >= own else { return nil }
        return found
    }()

    /// The folder of the test bundle.
    private static let built: String = {
        let path = realpath("/proc/self/exe", nil)!
        defer { free(path) }
        let own = String(cString: path)
        // Some toolchains load the bundle into a program of theirs and name it as an argument.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return (URL(fileURLWithPath: bundle).resolvingSymlinksInPath().path as NSString).deletingLastPathComponent
    }()

    static func plugin(_ name: String) -> String { "\(products)/liboctavo-plugin-\(name).so" }

    /// The folder of Package.swift.
    static let package: String = String(#filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 })

    static var python: String { package + "/.build-python/bin/python" }
    /// The folder of the tests' Python programs.
    static var scripts: String { package + "/Tests/EndToEndTests/python" }
    static func script(_ name: String) -> String { "\(scripts)/\(name).py" }
    static var headers: String { package + "/sdk-c/include" }
    /// A plugin that breaks the rule that `-DCASE=` names.
    static var brokenPlugin: String { package + "/Tests/Fixtures/plugins/broken.c" }

    /// Whether the Dapr SDK is installed (`tools/setup test`).
    static var hasSDK: Bool { FileManager.default.isExecutableFile(atPath: python) }
}

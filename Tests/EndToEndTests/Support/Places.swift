import Foundation

/// Where the built programs and the test's own files are.
enum Places {
    /// The folder of the built products: the test bundle's.
    static let products: String = {
        let path = realpath("/proc/self/exe", nil)!
        defer { free(path) }
        let own = String(cString: path)
        // Some toolchains load the bundle into a program of theirs and name it as an argument.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return (URL(fileURLWithPath: bundle).resolvingSymlinksInPath().path as NSString).deletingLastPathComponent
    }()

    static var octavo: String { products + "/octavo" }
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

import Foundation
import JSONText
import Testing

/// A state store that must pass the suite, with what it promises.
enum ConformingStore: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory = "state.in-memory"
    case sqlite = "state.sqlite"
    case redis = "state.redis"
    case postgresql = "state.postgresql"
    case etcd = "state.etcd"
    case fileStore = "state.file-store"

    var testDescription: String { rawValue }

    /// The name of its plugin.
    var plugin: String { self == .memory ? "memory" : String(rawValue.dropFirst("state.".count)) }

    /// The words that the runtime must report: no more, no fewer.
    var features: [String] {
        let common = ["ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR"]
        switch self {
        case .memory, .redis: return common
        case .sqlite, .postgresql: return common + ["QUERY_API"]
        case .etcd: return common.filter { $0 != "KEYS_LIKE" }
        case .fileStore: return []
        }
    }

    /// Components of the suite and the `keyPrefix` of each; none for the default.
    private static let components: [(name: String, keyPrefix: String?)] = [
        ("store", nil), ("byappid", "appid"), ("byname", "name"), ("bynamespace", "namespace"), ("bare", "none"),
        ("custom", "Team-A"),
    ]

    /// Keys of the component `sealed`, for the runtime and for Python: secrets of the environment.
    static let encryptionKeys = [
        "KEY_OF_TODAY": String(repeating: "0123456789abcdef", count: 4),
        "KEY_OF_YESTERDAY": String(repeating: "fedcba98", count: 4),
    ]

    private static func version(_ type: String) -> String { [postgresql.rawValue, etcd.rawValue].contains(type) ? "v2" : "v1" }

    private static func encrypted(_ type: String, _ settings: [(String, String)]) -> String {
        let keys = [("primaryEncryptionKey", "KEY_OF_TODAY"), ("secondaryEncryptionKey", "KEY_OF_YESTERDAY")]
        return Resource.component("sealed", type, settings + [("keyPrefix", "name")], version: version(type))
            + keys.map { "    - name: \($0)\n      secretKeyRef:\n        name: \($1)\n        key: \($1)\n" }.joined()
            + "auth:\n  secretStore: vault\n"
    }

    /// What the suite runs against: flags of the runtime, and what Python needs to look behind the store.
    struct Fixture: Sendable {
        var flags: [String]
        var backing: JSONValue
        /// Held until the suite has ended.
        var server: RedisServer?
        /// The same.
        var database: PostgreSQLServer?
        /// The same.
        var cluster: EtcdServer?
    }

    func prepare(in scratch: Scratch) async throws -> Fixture {
        var fixture = Fixture(flags: ["--plugins-dir", Places.products], backing: .null)
        var settings: (String) -> [(String, String)] = { _ in [] }
        switch self {
        case .memory: break
        case .sqlite:
            settings = { [("connectionString", scratch.file($0 + ".db"))] }
            fixture.backing = .string(scratch.path)
        case .redis:
            let server = try await RedisServer.start()
            settings = { _ in [("redisHost", "127.0.0.1:\(server.port)")] }
            fixture.backing = .number("\(server.port)")
            fixture.server = server
        case .postgresql:
            let server = try await PostgreSQLServer.start()
            settings = { [("connectionString", server.connectionString), ("maxConns", "2"), ("tablePrefix", "\($0)_")] }
            fixture.database = server
        case .etcd:
            let server = try await EtcdServer.start()
            settings = { [("endpoints", "127.0.0.1:\(server.port)"), ("keyPrefixPath", $0)] }
            fixture.cluster = server
        case .fileStore:
            try await ExamplePlugin.build(into: scratch.file("plugins"))
            fixture.flags += ["--plugins-dir", scratch.file("plugins")]
            fixture.backing = .string(scratch.file("data/components"))
        }
        var documents = ConformingStore.components.map { component in
            Resource.component(
                component.name, rawValue,
                settings(component.name) + (component.keyPrefix.map { [("keyPrefix", $0)] } ?? []), version: Self.version(rawValue))
        }
        documents.append(ConformingStore.encrypted(rawValue, settings("sealed")))
        documents.append(Resource.component("vault", "secretstores.local.env"))
        fixture.flags += ["--resources-path", try scratch.write(documents.joined(separator: "---\n"), to: "resources.yaml")]
        return fixture
    }
}

/// The plugin in C that comes with the SDK.
enum ExamplePlugin {
    /// Builds it with the C compiler alone.
    static func build(into folder: String, version: String = "1.0.0") async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let scratch = try Scratch()
        let text = try String(contentsOfFile: Places.package + "/sdk-c/examples/file-store/file_store.c", encoding: .utf8)
        let source = try scratch.write(text.replacingOccurrences(of: "\"1.0.0\"", with: "\"\(version)\""), to: "file_store.c")
        let end = try await Subprocess.run(
            "cc",
            [
                "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "-I", Places.headers,
                "-o", folder + "/file-store.so", source,
            ])
        guard end.code == 0 else { throw Trouble("cc: \(end.errors)") }
    }
}

import Foundation

/// The stores that all must pass the same cases.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite
    case sqliteInMemory
    case redis
    case postgresql

    var testDescription: String { rawValue }

    /// A started, empty store; `keep` is what it needs meanwhile.
    func make() throws -> Fixture {
        switch self {
        case .memory: return try Fixture(Plugin.memory.get(), "state.in-memory", [])
        case .sqlite:
            let folder = TemporaryFolder()
            return try Fixture(Plugin.sqlite.get(), "state.sqlite", folder: folder.path, [.text("connectionString", "test.db")], keep: folder)
        case .sqliteInMemory:
            return try Fixture(Plugin.sqlite.get(), "state.sqlite", [.text("connectionString", ":memory:")])
        case .redis:
            let server = try RedisServer()
            return try Fixture(Plugin.redis.get(), "state.redis", [.text("redisHost", "127.0.0.1:\(server.port)")], keep: server)
        case .postgresql:
            // One server for all, a table for each: to make a server takes seconds.
            let server = try StoreKind.postgresqlServer.get()
            return try Fixture(
                Plugin.postgresql.get(), "state.postgresql",
                [.text("connectionString", server.connectionString), .text("tablePrefix", "t\(StoreKind.next())_"), .number("maxConns", 2)])
        }
    }

    private static let postgresqlServer: Result<PostgreSQLServer, any Error> = Result {
        let server = try PostgreSQLServer()
        // Nobody lets go of what is static.
        atexit { (try? StoreKind.postgresqlServer.get())?.remove() }
        return server
    }
    private static let counter = Counter()
    private static func next() -> Int { counter.next() }

    private final class Counter: @unchecked Sendable {  // its number is read and written under the lock alone
        private let lock = NSLock()
        private var number = 0
        func next() -> Int {
            lock.withLock {
                number += 1
                return number
            }
        }
    }

    var hasQuery: Bool { self == .sqlite || self == .sqliteInMemory || self == .postgresql }
}

import Testing

/// A store and what it needs; stopped and destroyed at the end, with the proof that nothing is left.
final class Fixture {
    let store: Store
    private let keep: (any AnyObject & Sendable)?

    init(
        _ plugin: Plugin, _ type: String, folder: String = "/tmp", _ settings: [Setting], keep: (any AnyObject & Sendable)? = nil
    ) throws {
        self.keep = keep
        let instance = try Instance(plugin, type, folder: folder, settings)
        try instance.start()
        store = Store(instance: instance)
    }

    deinit {
        do {
            let left = try store.direct.end()
            #expect([left.watches, left.timers, left.threads, left.posts] == [0, 0, 0, 0] && left.memory == 0)
        } catch {
            Issue.record("stop failed: \(error)")
        }
    }
}

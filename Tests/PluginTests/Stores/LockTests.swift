import PluginCheck
import Testing

/// What every lock store must do: the cases of `octavo plugin check`, and what is each store's own.
@Suite struct LockTests {
    enum Kind: String, CaseIterable { case sqlite, redis }

    private func with(_ kind: Kind, _ body: (LockCalls) throws -> Void) throws {
        let folder = TemporaryFolder()
        let server = kind == .redis ? try RedisServer() : nil
        let instance = try make(kind, folder, server)
        try body(LockCalls(instance))
        let left = try instance.end()
        #expect([left.watches, left.timers, left.threads, left.posts] == [0, 0, 0, 0] && left.memory == 0)
    }

    private func make(_ kind: Kind, _ folder: TemporaryFolder, _ server: RedisServer?) throws -> Instance {
        let instance =
            switch kind {
            case .sqlite:
                try Instance(
                    Plugin.sqlite.get(), "lock.sqlite", folder: folder.path,
                    [.text("connectionString", "l.db"), .text("tableName", "l")])
            case .redis: try Instance(Plugin.redis.get(), "lock.redis", [.text("redisHost", "127.0.0.1:\(server?.port ?? 0)")])
            }
        try instance.start()
        return instance
    }

    @Test("the cases of the kind", arguments: Kind.allCases, LockCases.all)
    func conformance(_ kind: Kind, _ one: ConformanceCase) throws {
        try with(kind) { locks in
            if locks.instance.features & one.needs == one.needs { try one.run(locks.instance, scope: "") }
        }
    }

    @Test("a lock outlives its instance, and its token is never given again")
    func durable() throws {
        let folder = TemporaryFolder()
        var tokens: [UInt64] = []
        for round in 0..<3 {
            let instance = try make(.sqlite, folder, nil)
            let locks = LockCalls(instance)
            if round > 0 { #expect(try locks.tryLock("a", "other").result == 1) }
            if round > 0 { #expect(try locks.unlock("a", "owner") == 0) }
            tokens.append(try locks.tryLock("a", "owner").fencing)
            try instance.end()
        }
        #expect(tokens == tokens.sorted() && Set(tokens).count == 3 && tokens[0] > 0)
    }

    @Test("a lock of another boot of the machine is nobody's")
    func boots() throws {
        let folder = TemporaryFolder()
        let instance = try make(.sqlite, folder, nil)
        let locks = LockCalls(instance)
        #expect(try locks.tryLock("a", "owner").result == 0)
        #expect(shell("sqlite3 '\(folder.path)/l.db' \"UPDATE l SET boot = 'another'\"").code == 0)
        #expect(try locks.unlock("a", "owner") == 2)
        #expect(try locks.tryLock("a", "other").result == 0)
        try instance.end()
    }

    @Test("a database in memory is refused")
    func memory() throws {
        for type in ["lock.sqlite", "configuration.sqlite"] {
            #expect(throws: PluginFailure.self) {
                _ = try Instance(Plugin.sqlite.get(), type, [.text("connectionString", ":memory:"), .text("tableName", "t")])
            }
        }
    }

    @Test("a lock that Dapr has taken is held, and Dapr sees ours")
    func mixed() throws {
        let server = try RedisServer()
        let instance = try make(.redis, TemporaryFolder(), server)
        let locks = LockCalls(instance)
        func redis(_ command: String) -> String { shell("redis-cli -p \(server.port) \(command)").text }
        // As go-redis writes what Dapr's lock.redis asks for.
        #expect(redis("SET a dapr EX 60 NX").hasPrefix("OK"))
        #expect(try locks.tryLock("a", "ours").result == 1)
        #expect(try locks.unlock("a", "ours") == 3)
        #expect(try locks.unlock("a", "dapr") == 0)
        #expect(try locks.tryLock("b", "ours").result == 0)
        #expect(redis("GET b") == "ours\n")
        #expect(redis("SET b dapr EX 60 NX") == "\n")
        #expect(redis("LPUSH list 1").contains("1"))
        #expect(throws: PluginFailure.self) { try locks.unlock("list", "ours") }
        try instance.end()
    }
}

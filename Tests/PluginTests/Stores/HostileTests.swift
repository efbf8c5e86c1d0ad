import COctavo
import PluginCheck
import Testing

@Suite struct HostileTests {
    private func make(_ type: String, _ server: HostileServer) throws -> Instance {
        let instance = try Instance(Plugin.redis.get(), type, [
            .text("redisHost", "127.0.0.1:\(server.port)"), Setting(name: "readTimeout", text: "20ms", integer: 20_000_000),
            Setting(name: "writeTimeout", text: "20ms", integer: 20_000_000),
            Setting(name: "redisMinRetryInterval", text: "1ms", integer: 1_000_000),
            Setting(name: "redisMaxRetryInterval", text: "1ms", integer: 1_000_000),
        ])
        try instance.start()
        return instance
    }

    /// Opens a watch for a source that nobody has: what is delivered goes nowhere.
    private func watch(_ instance: Instance, _ keys: [String], _ source: octavo_source) throws {
        let arena = Arena()
        var request = octavo_configuration_watch_request()
        request.head.size = UInt32(MemoryLayout<octavo_configuration_watch_request>.size)
        request.source = source
        request.keys = arena.list(keys.map { arena.str($0) })
        request.flags = UInt32(OCTAVO_CONFIGURATION_SEND_PRESENT)
        try instance.call(OCTAVO_CONFIGURATION_OP_WATCH, request, arena) { _ in }
    }

    private func unwatch(_ instance: Instance, _ source: octavo_source) throws {
        var request = octavo_source_request()
        request.head.size = UInt32(MemoryLayout<octavo_source_request>.size)
        request.source = source
        try instance.call(OCTAVO_CONFIGURATION_OP_UNWATCH, request, Arena()) { _ in }
    }

    @Test("whatever a server says of locks, every call ends, and the plugin lives", arguments: Array(1...4) as [UInt64])
    func locks(_ seed: UInt64) throws {
        let server = HostileServer(seed: seed)
        let instance = try make("lock.redis", server)
        let locks = LockCalls(instance)
        var ended = 0
        for round in 0..<90 {
            switch round % 3 {
            case 0: _ = try? locks.tryLock("k", "o")
            case 1: _ = try? locks.extend("k", "o")
            default: _ = try? locks.unlock("k", "o")
            }
            ended += 1
            if round % 10 == 9 { _ = eventually(seconds: 0.2) { (try? instance.health()) != nil } }
        }
        #expect(ended == 90)
        let left = try instance.end()
        #expect(left.watches == 0 && left.timers == 0 && left.threads == 0)
    }

    @Test("whatever it says of configuration, too, also unasked", arguments: Array(1...4) as [UInt64])
    func configuration(_ seed: UInt64) throws {
        let server = HostileServer(seed: seed)
        let instance = try make("configuration.redis", server)
        let store = ConfigurationCalls(instance)
        var ended = 0
        for round in 0..<90 {
            switch round % 5 {
            case 0: _ = try? store.get(["a", "b"])
            case 1: _ = try? store.set("a", "1")
            case 2: _ = try? store.remove(["a"])
            case 3: _ = try? watch(instance, round % 2 == 0 ? ["a", "b"] : [], UInt64(1 << 40) + UInt64(round))
            default: _ = try? unwatch(instance, UInt64(1 << 40) + UInt64(round) - 1)
            }
            ended += 1
            if round % 10 == 9 { _ = eventually(seconds: 0.2) { (try? instance.health()) != nil } }
        }
        #expect(ended == 90)
        let left = try instance.end()
        #expect(left.watches == 0 && left.timers == 0 && left.threads == 0)
    }
}

import COctavo
import Glibc
import PluginCheck
import Testing

@Suite struct RedisTests {
    private func failure(_ body: () throws -> Void) -> PluginFailure? {
        do {
            try body()
            return nil
        } catch { return error as? PluginFailure }
    }

    private func make(_ settings: [Setting]) throws -> Store {
        let instance = try Instance(Plugin.redis.get(), "state.redis", settings)
        try instance.start()
        return Store(instance: instance)
    }

    @Test(
        "what it can't do is refused by name when the component is made",
        arguments: [
            ([Setting.text("redisHost", "h:1"), .flag("failover")], "failover"),
            ([.text("redisHost", "h:1"), Setting(name: "redisType", text: "cluster", integer: 1)], "redisType"),
            ([.text("redisHost", "h:99999")], "redisHost"),
            ([.text("redisHost", "")], "redisHost"),
            ([.text("redisHost", "h:1"), .text("clientCert", "x")], "clientKey"),
        ])
    func refusals(_ settings: [Setting], _ word: String) throws {
        let failure = failure { _ = try Instance(Plugin.redis.get(), "state.redis", settings) }
        #expect(failure?.code == OCTAVO_CODE_INVALID_ARGUMENT)
        #expect(failure?.message.contains(word) == true)
    }

    @Test("a server that is not there fails the start with its name")
    func noServer() throws {
        let instance = try Instance(Plugin.redis.get(), "state.redis", [.text("redisHost", "127.0.0.1:1")])
        let failure = failure { try instance.start(seconds: 1) }
        #expect(failure?.code == OCTAVO_CODE_UNAVAILABLE)
        #expect(failure?.message.contains("127.0.0.1:1") == true)
    }

    @Test("a name that does not exist fails the start")
    func noName() throws {
        let instance = try Instance(Plugin.redis.get(), "state.redis", [.text("redisHost", "no.such.host.invalid:6379")])
        let failure = failure { try instance.start(seconds: 2) }
        #expect(failure?.code == OCTAVO_CODE_UNAVAILABLE)
    }

    @Test("a name is resolved")
    func name() throws {
        let server = try RedisServer()
        let store = try make([.text("redisHost", "localhost:\(server.port)")])
        try store.write(.set("k", "v"))
        try store.direct.end()
    }

    @Test("passwords and users are sent, and wrong ones fail at once")
    func password() throws {
        let server = try RedisServer(["--requirepass", "secret"])
        let host = Setting.text("redisHost", "127.0.0.1:\(server.port)")
        let store = try make([host, .text("redisPassword", "secret"), .text("redisUsername", "default")])
        try store.write(.set("k", "v"))
        try store.direct.end()
        let instance = try Instance(Plugin.redis.get(), "state.redis", [host, .text("redisPassword", "wrong")])
        #expect(failure { try instance.start(seconds: 30) }?.code == OCTAVO_CODE_UNAUTHENTICATED)
        let nameless = try Instance(Plugin.redis.get(), "state.redis", [host])
        #expect(failure { try nameless.start(seconds: 30) }?.code == OCTAVO_CODE_UNAUTHENTICATED)
    }

    @Test("databases are apart, and a socket is an address, too")
    func databases() throws {
        let server = try RedisServer()
        let one = try make([.text("redisHost", "\(server.folder.path)/socket"), .number("redisDB", 1)])
        let two = try make([.text("redisHost", "127.0.0.1:\(server.port)"), .number("redisDB", 2), .number("poolSize", 3)])
        try one.write(.set("k", "one"))
        #expect(try two.get("k") == nil)
        for number in 0..<10 { try two.write(.set("k", "\(number)")) }
        #expect(try one.get("k")?.value == Array("one".utf8))
        try one.direct.end()
        try two.direct.end()
    }

    @Test("an etag that is no number is invalid")
    func invalidEtag() throws {
        let fixture = try StoreKind.redis.make()
        for etag in ["", "abc", "1x", "99999999999999999999999"] {
            #expect(failure { try fixture.store.write(.set("k", "v", etag: etag)) }?.reason == "ETAG_INVALID")
        }
    }

    @Test("the component's own time to live holds for values that name none")
    func ownTimeToLive() throws {
        let server = try RedisServer()
        let store = try make([.text("redisHost", "127.0.0.1:\(server.port)"), .number("ttlInSeconds", 1)])
        try store.write(.set("short", "1"))
        try store.write(.set("kept", "1", ttl: -1))
        #expect(try eventually { try store.get("short") == nil })
        #expect(try store.get("kept") != nil)
        try store.direct.end()
    }

    @Test("a script that the server forgot is sent again")
    func forgottenScripts() throws {
        let server = try RedisServer()
        let store = try make([.text("redisHost", "127.0.0.1:\(server.port)")])
        func flush() throws {
            let cli = popen("redis-cli -p \(server.port) script flush", "r")
            pclose(cli)
        }
        try flush()
        let etag = try #require(try store.write(.set("k", "1")))
        try flush()
        try store.write(.remove("k", etag: etag))
        try flush()
        try store.transact([.set("a", "1"), .set("b", "1")])
        try flush()
        #expect(try store.bulkWrite([.set("c", "1"), .set("d", "1")]).allSatisfy { $0.errorCode == 0 })
        #expect(try store.get("b") != nil && store.get("k") == nil)
        try store.direct.end()
    }

    @Test("texts that others wrote can be read, other things can't")
    func foreignTypes() throws {
        let server = try RedisServer()
        let store = try make([.text("redisHost", "127.0.0.1:\(server.port)")])
        for command in ["set plain text", "lpush list x"] { pclose(popen("redis-cli -p \(server.port) \(command)", "r")) }
        #expect(try store.get("plain")?.value == Array("text".utf8))
        #expect(failure { _ = try store.get("list") }?.code == OCTAVO_CODE_FAILED_PRECONDITION)
        let items = try store.bulkGet(["plain", "list"])
        #expect(items[0].value == Array("text".utf8) && items[1].errorCode == OCTAVO_CODE_FAILED_PRECONDITION)
        try store.write(.set("list", "now a value"))
        #expect(try store.get("list")?.value == Array("now a value".utf8))
        try store.direct.end()
    }

    @Test("a lost server fails at once, says what may have happened, and comes back")
    func restart() throws {
        let server = try RedisServer()
        let store = try make([.text("redisHost", "127.0.0.1:\(server.port)"), Setting(name: "redisMaxRetryInterval", text: "100ms", integer: 100_000_000)])
        try store.write(.set("k", "1"))
        // Stopped, so that requests are under way when it dies.
        server.signal(SIGSTOP)
        let writes = (0..<50).map { store.submit(.set("in flight \($0)", "x")) }
        // All of them have left the plugin: the stopped server's socket holds them.
        #expect(eventually { unread(port: server.port) > 50 * 100 })
        server.kill()
        for wait in writes {
            let failure = failure(wait)
            #expect(failure?.code == OCTAVO_CODE_UNAVAILABLE)
            #expect(failure.map { $0.flags & OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT != 0 } == true)
            #expect(failure.map { $0.flags & OCTAVO_ERROR_OUTAGE != 0 } == true)
        }
        let down = failure { _ = try store.get("k") }
        #expect(down?.code == OCTAVO_CODE_UNAVAILABLE)
        #expect(down.map { $0.flags & (OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE) } == OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE)
        #expect(failure { try store.direct.health() }?.code == OCTAVO_CODE_UNAVAILABLE)
        try server.start()
        #expect(eventually { (try? store.write(.set("k", "2"))) != nil })
        #expect(try store.get("k")?.value == Array("2".utf8))
        try store.direct.health()
        try store.direct.end()
    }

    @Test("a server that says nothing is given up after readTimeout")
    func silence() throws {
        let server = try RedisServer()
        let store = try make([
            .text("redisHost", "127.0.0.1:\(server.port)"), Setting(name: "readTimeout", text: "200ms", integer: 200_000_000),
            Setting(name: "writeTimeout", text: "200ms", integer: 200_000_000),
        ])
        server.signal(SIGSTOP)
        #expect(failure { _ = try store.get("k") }?.message.contains("readTimeout") == true)
        server.signal(SIGCONT)
        #expect(eventually { (try? store.get("k")) != nil || (try? store.write(.set("k", "1"))) != nil })
        try store.direct.end()
    }

    @Test("TLS is spoken, and a certificate that is not trusted is refused")
    func encrypted() throws {
        let folder = TemporaryFolder()
        let made = shell(
            "cd '\(folder.path)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem")
        try #require(made.code == 0, "\(made.text)")
        let certificate = "\(folder.path)/cert.pem", key = "\(folder.path)/key.pem"
        let server = try RedisServer([], tls: ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate])
        let host = Setting.text("redisHost", "localhost:\(server.tlsPort)")
        let store = try make([host, .flag("enableTLS"), .text("caCert", certificate), .text("clientCert", certificate), .text("clientKey", key)])
        try store.write(Store.Write(key: "big", value: [UInt8](repeating: 7, count: 3 << 20)))
        #expect(try store.get("big")?.value?.count == 3 << 20)
        try store.direct.end()

        let skipping = try make([host, .flag("enableTLS"), .flag("insecureSkipTLSVerify"), .text("clientCert", certificate), .text("clientKey", key)])
        #expect(try skipping.get("big") != nil)
        try skipping.direct.end()

        let distrustful = try Instance(Plugin.redis.get(), "state.redis", [host, .flag("enableTLS")])
        #expect(failure { try distrustful.start(seconds: 1) }?.message.contains("certificate") == true)
        let plain = try Instance(Plugin.redis.get(), "state.redis", [.text("redisHost", "127.0.0.1:\(server.port)"), .flag("enableTLS")])
        #expect(failure { try plain.start(seconds: 1) }?.code == OCTAVO_CODE_UNAVAILABLE)
        let broken = try Instance(Plugin.redis.get(), "state.redis", [host, .flag("enableTLS"), .text("caCert", "/none.pem")])
        #expect(failure { try broken.start(seconds: 1) }?.message.contains("caCert") == true)
    }

    @Test("whatever a server says, every call ends, and the plugin lives",
          arguments: Array(1...12) as [UInt64])
    func hostile(_ seed: UInt64) throws {
        let server = HostileServer(seed: seed)
        let store = try make([
            .text("redisHost", "127.0.0.1:\(server.port)"), Setting(name: "readTimeout", text: "20ms", integer: 20_000_000),
            Setting(name: "writeTimeout", text: "20ms", integer: 20_000_000),
            Setting(name: "redisMinRetryInterval", text: "1ms", integer: 1_000_000),
            Setting(name: "redisMaxRetryInterval", text: "1ms", integer: 1_000_000),
        ])
        var ended = 0
        for round in 0..<200 {
            switch round % 7 {
            case 0: _ = try? store.get("k")
            case 1: _ = try? store.write(.set("k", "v"))
            case 2: _ = try? store.write(.remove("k", etag: "1"))
            case 3: _ = try? store.transact([.set("a", "1"), .remove("b")])
            case 4: _ = try? store.keys("k", limit: 5)
            case 5: _ = try? store.removePrefix("k")
            default:
                _ = try? store.bulkGet(["a", "b"])
                _ = try? store.bulkWrite([.set("a", "1"), .set("b", "1")])
            }
            ended += 1
            // Most time would go by without a connection otherwise.
            if round % 10 == 9 { _ = eventually(seconds: 0.2) { (try? store.direct.health()) != nil } }
        }
        #expect(ended == 200)
        let left = try store.direct.end()
        #expect(left.watches == 0 && left.timers == 0 && left.threads == 0)
    }
}

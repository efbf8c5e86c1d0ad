import Foundation
import JSONText
import Synchronization
import Testing

/// Secrets that components name, changed while the runtime serves.
@Suite("Secrets of components", .serialized)
struct SecretRotationTests {
    /// What a load asked for and was answered.
    private final class Asked: Sendable {
        struct Counts {
            var count = 0
            var failures: [String] = []
            var isOver = false
        }
        let counts = Mutex(Counts())
    }

    private static func files(_ scratch: Scratch, _ server: RedisServer) throws -> [String] {
        let store = Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(server.port)"), ("redisUsername", "app")])
            + "    - name: redisPassword\n      secretKeyRef: {name: password, key: password}\nauth: {secretStore: vault}\n"
        let vault = Resource.component("vault", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json"))])
        let configuration = try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  secrets: {refreshInterval: 200ms}\n", to: "c.yaml")
        return ["--resources-path", try scratch.write(store + "---\n" + vault, to: "all.yaml"), "--config", configuration]
    }

    private static func ask(_ server: RedisServer, _ words: String...) async throws -> String {
        let answer = try await Subprocess.run("redis-cli", ["-p", "\(server.port)"] + words)
        guard answer.code == 0, !answer.output.hasPrefix("ERR") else { throw Trouble("redis-cli: \(answer.output)\(answer.errors)") }
        return answer.output
    }

    private static func store(_ octavo: OctavoProcess) async throws -> JSONValue? {
        try await octavo.json("component", "describe", "store")["summary"]
    }

    @Test("are taken in when they change, and no request fails", arguments: [[], ["--isolate", "redis"]])
    func rotates(flags: [String]) async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">first-password", "~*", "&*", "+@all")
        try scratch.write(#"{"password": "first-password"}"#, to: "secrets.json")
        try await OctavoProcess.with(in: scratch, flags: try Self.files(scratch, server) + flags) { (octavo) async throws in
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
            let asked = Asked()
            let load = Task {
                while !asked.counts.withLock({ $0.isOver }) {
                    let answer = try await Curl(path: "/v1.0/state/store/k").send(to: octavo.base)
                    asked.counts.withLock {
                        $0.count += 1
                        if answer.status != 200 { $0.failures.append("\(answer)") }
                    }
                }
            }
            defer { load.cancel() }
            _ = try await Self.ask(server, "ACL", "SETUSER", "app", ">second-password")
            try scratch.write(#"{"password": "second-password"}"#, to: "secrets.json")
            try await eventually("the new instance") { octavo.process.errors.contains("component replaced") ? () : nil }
            // Whoever still had the old password would not get in again.
            _ = try await Self.ask(server, "ACL", "SETUSER", "app", "<first-password")
            let before = asked.counts.withLock { $0.count }
            try await eventually("more requests") { asked.counts.withLock { $0.count } > before + 20 ? () : nil }
            asked.counts.withLock { $0.isOver = true }
            try await load.value
            #expect(asked.counts.withLock { $0.failures }.isEmpty, "\(asked.counts.withLock { $0.failures })")
            #expect(try await octavo.octavo("state", "set", "store", "k", "w").code == 0)
            for secret in ["first-password", "second-password"] { #expect(!octavo.process.errors.contains(secret)) }
        }
    }

    /// A Redis store whose password is of the store `vault`, which is `store`, and the time between readings as it is by default.
    private static func watched(_ scratch: Scratch, _ server: RedisServer, by store: String) throws -> [String] {
        let redis = Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(server.port)"), ("redisUsername", "app")])
            + "    - name: redisPassword\n      secretKeyRef: {name: redis, key: password}\nauth: {secretStore: vault}\n"
        return ["--resources-path", try scratch.write(redis + "---\n" + store, to: "all.yaml")]
    }

    /// Long before they would be read again by themselves, on a machine that has other things to do, too.
    private static let soon = Duration.seconds(20)

    @Test(
        "are taken in at once from a store that tells, and no request fails",
        arguments: [("kubernetes", []), ("kubernetes", ["--isolate", "all"]), ("file", []), ("file", ["--isolate", "all"])] as [(String, [String])])
    func watches(kind: String, flags: [String]) async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        let cluster = kind == "kubernetes" ? try await APIServer.start("kubernetes") : nil
        func write(_ password: String) async throws {
            if let cluster { return try await cluster.kubernetes("redis", ["password": password, "more": "x"]) }
            try scratch.write(#"{"redis": {"password": "\#(password)"}}"#, to: "secrets.json")
        }
        let store = try cluster.map { KubernetesTests.store(try KubernetesTests.configuration($0, scratch), name: "vault") }
            ?? Resource.component("vault", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json")), ("multiValued", "true")])
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">password-0", "~*", "&*", "+@all")
        try await write("password-0")
        try await OctavoProcess.with(in: scratch, flags: try Self.watched(scratch, server, by: store) + flags) { (octavo) async throws in
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
            let asked = Asked()
            let load = Task {
                while !asked.counts.withLock({ $0.isOver }) {
                    let answer = try await Curl(path: "/v1.0/state/store/k").send(to: octavo.base)
                    asked.counts.withLock {
                        $0.count += 1
                        if answer.status != 200 { $0.failures.append("\(answer)") }
                    }
                }
            }
            defer { load.cancel() }
            // The second time the watch has been lost meanwhile; the third what it was to go on from is forgotten.
            for round in 1...(cluster == nil ? 2 : 3) {
                if let cluster, round > 1 { try await cluster.control(#"{"drop": \#(round), "forget": \#(round - 2)}"#) }
                _ = try await Self.ask(server, "ACL", "SETUSER", "app", ">password-\(round)")
                let begin = ContinuousClock.now
                try await write("password-\(round)")
                try await eventually("the new instance of round \(round)", within: Self.soon) {
                    octavo.process.errors.components(separatedBy: "component replaced").count > round ? () : nil
                }
                print("\(kind) \(flags): round \(round) took \(ContinuousClock.now - begin)")
                _ = try await Self.ask(server, "ACL", "SETUSER", "app", "<password-\(round - 1)")
                let before = asked.counts.withLock { $0.count }
                try await eventually("more requests") { asked.counts.withLock { $0.count } > before + 5 ? () : nil }
            }
            asked.counts.withLock { $0.isOver = true }
            try await load.value
            if let seen = try await cluster?.control().filter({ $0.contains("fieldSelector") }) {
                // Opened, gone on with, gone on with and read again.
                #expect(seen.filter { $0.contains("watch=1") }.count >= 4, "\(seen)")
                #expect(seen.filter { !$0.contains("watch=1") }.count == 2, "\(seen)")
            }
            #expect(asked.counts.withLock { $0.failures }.isEmpty, "\(asked.counts.withLock { $0.failures })")
            for round in 0...3 { #expect(!octavo.process.errors.contains("password-\(round)")) }
        }
    }

    @Test("are watched again when the store's plugin has crashed, and when the store is another one")
    func moves() async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        let cluster = try await APIServer.start("kubernetes")
        let configuration = try KubernetesTests.configuration(cluster, scratch)
        let file = Resource.component(
            "vault", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json")), ("multiValued", "true")])
        func replacements(_ octavo: OctavoProcess) -> Int {
            octavo.process.errors.split(separator: "\n").count { $0.contains("component replaced") && $0.contains("component=store") }
        }
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">password-0", ">password-1", ">password-2", ">password-3", "~*", "&*", "+@all")
        try await cluster.kubernetes("redis", ["password": "password-0"])
        let flags = try Self.watched(scratch, server, by: KubernetesTests.store(configuration, name: "vault")) + ["--isolate", "kubernetes"]
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo) async throws in
            let process = try #require(try await octavo.json("plugin", "describe", "kubernetes")["summary"]?["processID"]?.integer)
            #expect(kill(pid_t(process), SIGKILL) == 0)
            try await cluster.kubernetes("redis", ["password": "password-1"])
            try await eventually("the instance after the crash", within: Self.soon) { replacements(octavo) == 1 ? () : nil }
            // Other settings, then another type.
            try await cluster.kubernetes("redis", ["password": "password-1"], namespace: "other")
            _ = try Self.watched(scratch, server, by: KubernetesTests.store(configuration, [("defaultNamespace", "other")], name: "vault"))
            try await eventually("the other store", within: Self.soon) {
                octavo.process.errors.split(separator: "\n").contains { $0.contains("component replaced") && $0.contains("component=vault") } ? () : nil
            }
            // What refers to a store that has changed is made anew.
            let before = replacements(octavo)
            try await cluster.kubernetes("redis", ["password": "password-2"], namespace: "other")
            try await eventually("the instance by the other namespace", within: Self.soon) { replacements(octavo) > before ? () : nil }
            try scratch.write(#"{"redis": {"password": "password-2"}}"#, to: "secrets.json")
            _ = try Self.watched(scratch, server, by: file)
            try await eventually("the file", within: Self.soon) {
                "\(try await octavo.json("component", "describe", "vault"))".contains("local.file") ? () : nil
            }
            try await eventually("nothing under way") { try await Self.store(octavo)?["state"]?.string == "ready" ? () : nil }
            let last = replacements(octavo)
            try scratch.write(#"{"redis": {"password": "password-3"}}"#, to: "secrets.json")
            try await eventually("the instance by the file", within: Self.soon) { replacements(octavo) > last ? () : nil }
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
        }
    }

    @Test("are read at intervals from a store that may not be watched, which says why")
    func fallsBack() async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        let cluster = try await APIServer.start("kubernetes")
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">password-0", "~*", "&*", "+@all")
        try await cluster.kubernetes("redis", ["password": "password-0"])
        let store = KubernetesTests.store(try KubernetesTests.configuration(cluster, scratch, token: "reader"), name: "vault")
        let configuration = try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  secrets: {refreshInterval: 500ms}\n", to: "c.yaml")
        let flags = try Self.watched(scratch, server, by: store) + ["--config", configuration]
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo) async throws in
            try await eventually("why it can't be watched") {
                octavo.process.errors.contains("can't be watched") && octavo.process.errors.contains("secrets is forbidden") ? () : nil
            }
            _ = try await Self.ask(server, "ACL", "SETUSER", "app", ">password-1")
            try await cluster.kubernetes("redis", ["password": "password-1"])
            try await eventually("the new instance") { octavo.process.errors.contains("component replaced") ? () : nil }
            #expect(!octavo.process.errors.contains("are watched again"))
            // The right to watch comes later.
            try scratch.write("root", to: "kube/token")
            try await eventually("the watch", within: .seconds(60)) { octavo.process.errors.contains("are watched again") ? () : nil }
        }
    }

    @Test("reach the plugin whose component names them, and no others do")
    func others() async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        let cluster = try await APIServer.start("kubernetes")
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">named-0123456789", "~*", "&*", "+@all")
        try await cluster.kubernetes("redis", ["password": "named-0123456789", "admin": "unnamed-pair-0123456789"])
        try await cluster.kubernetes("other", ["password": "unnamed-secret-0123456789"])
        let store = KubernetesTests.store(try KubernetesTests.configuration(cluster, scratch, token: "root"), name: "vault")
        let flags = try Self.watched(scratch, server, by: store) + ["--isolate", "redis"]
        try await OctavoProcess.with(in: scratch, flags: flags) { (octavo) async throws in
            // All of them have been in the runtime, to which the store belongs.
            for name in ["redis", "other", "bulk"] {
                #expect(try await Curl(path: "/v1.0/secrets/vault/\(name)").send(to: octavo.base).status == 200)
            }
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
            let process = try #require(try await octavo.json("plugin", "describe", "redis")["summary"]?["processID"]?.integer)
            let found = try ProcessMemory.holds(
                ["named-0123456789", "unnamed-pair-0123456789", "unnamed-secret-0123456789"], process: Int32(process))
            #expect(found == [true, false, false])
        }
    }

    @Test("are refused when they are wrong: those before hold, and right ones are taken in")
    func refuses() async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">first-password", "~*", "&*", "+@all")
        try scratch.write(#"{"password": "first-password"}"#, to: "secrets.json")
        try await OctavoProcess.with(in: scratch, flags: try Self.files(scratch, server)) { (octavo) async throws in
            try scratch.write(#"{"password": "other-password"}"#, to: "secrets.json")
            try await eventually("the refusal") {
                octavo.process.errors.contains("a component goes on with the secrets that it has") ? () : nil
            }
            #expect(octavo.process.errors.contains("refuses the user or the password"), "\(octavo.process.errors)")
            #expect(try await Self.store(octavo)?["state"]?.string == "ready")
            #expect(try await octavo.octavo("state", "set", "store", "k", "v").code == 0)
            // The server takes the password later than it was written down.
            _ = try await Self.ask(server, "ACL", "SETUSER", "app", ">other-password", "<first-password")
            try await eventually("the new instance") { octavo.process.errors.contains("component replaced") ? () : nil }
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "v")
        }
    }

    @Test("that kept a component from starting are tried again when they change")
    func begins() async throws {
        let scratch = try Scratch(), server = try await RedisServer.start()
        _ = try await Self.ask(server, "ACL", "SETUSER", "app", "on", ">right-password", "~*", "&*", "+@all")
        try scratch.write(#"{"password": "wrong-password"}"#, to: "secrets.json")
        try await OctavoProcess.with(in: scratch, flags: try Self.files(scratch, server), untilReady: false) { (octavo) async throws in
            try await eventually("the failure") { try await Self.store(octavo)?["state"]?.string == "failed" ? () : nil }
            try scratch.write(#"{"password": "right-password"}"#, to: "secrets.json")
            try await eventually("the start") { try await Self.store(octavo)?["state"]?.string == "ready" ? () : nil }
        }
    }

    @Test("are masked in what a plugin says of them", arguments: [[], ["--isolate", "redis"]])
    func masks(flags: [String]) async throws {
        let scratch = try Scratch(), port = try ReservedPort()
        let address = "127.0.0.1:\(port.port)"
        let store = Resource.component("store", "state.redis")
            + "  metadata:\n    - name: redisHost\n      secretKeyRef: {name: address, key: address}\nauth: {secretStore: vault}\n"
        let vault = Resource.component("vault", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json"))])
        try scratch.write(#"{"address": "\#(address)"}"#, to: "secrets.json")
        let file = try scratch.write(store + "---\n" + vault, to: "all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file] + flags, untilReady: false) { (octavo) async throws in
            try await eventually("the failure", within: .seconds(30)) { octavo.process.errors.contains("did not start") ? () : nil }
            let shown = try await octavo.octavo("component", "describe", "store", "--json").output
            #expect(shown.contains("***") && !shown.contains(address), "\(shown)")
            let answer = try await Curl(path: "/v1.0/state/store/k").send(to: octavo.base)
            #expect(answer.body.contains("***") && !answer.body.contains(address), "\(answer)")
            #expect(octavo.process.errors.contains("***") && !octavo.process.errors.contains(address), "\(octavo.process.errors)")
        }
    }
}

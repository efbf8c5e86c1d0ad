import COctavo
import Glibc
import PluginCheck
import Testing

@Suite struct SecretTests {
    private func get(_ instance: Instance, _ name: String) throws -> [String: String] {
        let arena = Arena()
        var request = octavo_secret_get_request()
        request.head.size = UInt32(MemoryLayout<octavo_secret_get_request>.size)
        request.name = arena.str(name)
        nonisolated(unsafe) var pairs: [String: String] = [:]
        try instance.call(OCTAVO_SECRET_OP_GET, request, arena) { reply in
            for pair in elements(reply.assumingMemoryBound(to: octavo_secret_get_reply.self).pointee.pairs, of: octavo_pair.self) {
                pairs[text(pair.name) ?? ""] = text(pair.value)
            }
        }
        return pairs
    }

    private func all(_ instance: Instance) throws -> [String: [String: String]] {
        var request = octavo_secret_bulk_get_request()
        request.head.size = UInt32(MemoryLayout<octavo_secret_bulk_get_request>.size)
        nonisolated(unsafe) var secrets: [String: [String: String]] = [:]
        try instance.call(OCTAVO_SECRET_OP_BULK_GET, request, Arena()) { reply in
            let list = reply.assumingMemoryBound(to: octavo_secret_bulk_get_reply.self).pointee.secrets
            for secret in elements(list, of: octavo_secret.self) {
                var pairs: [String: String] = [:]
                for pair in elements(secret.pairs, of: octavo_pair.self) { pairs[text(pair.name) ?? ""] = text(pair.value) }
                secrets[text(secret.name) ?? ""] = pairs
            }
        }
        return secrets
    }

    private func file(_ folder: TemporaryFolder, _ settings: [Setting] = []) throws -> Instance {
        let instance = try Instance(
            Plugin.secrets.get(), "secretstores.local.file",
            [.text("secretsFile", "\(folder.path)/s.json"), .text("nestedSeparator", ":")] + settings)
        try instance.start()
        return instance
    }

    private static let example = #"{"plain":"text","number":1.50,"yes":true,"none":null,"db":{"user":"u","password":"p\u00e4\ud83d\ude00"},"list":["a",{"b":"c"}]}"#

    @Test("members of the file are secrets, nested ones by their whole name")
    func flat() throws {
        let folder = TemporaryFolder()
        folder.write("s.json", SecretTests.example)
        let instance = try file(folder)
        #expect(try get(instance, "plain") == ["plain": "text"])
        #expect(try get(instance, "db:password") == ["db:password": "pä😀"])
        #expect(
            try all(instance).mapValues { $0.values.first } == [
                "plain": "text", "number": "1.50", "yes": "true", "none": "", "db:user": "u", "db:password": "pä😀", "list:0": "a",
                "list:1:b": "c",
            ])
        #expect(throws: PluginFailure.self) { try get(instance, "db") }
        try instance.end()
    }

    @Test("with multiValued the first level are the secrets")
    func multiValued() throws {
        let folder = TemporaryFolder()
        folder.write("s.json", SecretTests.example)
        let instance = try file(folder, [.flag("multiValued")])
        #expect(try get(instance, "db") == ["user": "u", "password": "pä😀"])
        #expect(try get(instance, "plain") == ["plain": "text"])
        #expect(try get(instance, "list") == ["0": "a", "1:b": "c"])
        try instance.end()
    }

    @Test("a file that changes is read again, a broken one leaves the last good one")
    func changes() throws {
        let folder = TemporaryFolder()
        folder.write("s.json", #"{"a":"1"}"#)
        let instance = try file(folder)
        folder.write("s.json", #"{"a":"22"}"#)
        #expect(try get(instance, "a") == ["a": "22"])
        folder.write("s.json", #"{"a":"#)
        #expect(try get(instance, "a") == ["a": "22"])
        #expect(throws: PluginFailure.self) { try instance.health() }
        folder.write("s.json", #"{"a":"333"}"#)
        #expect(try get(instance, "a") == ["a": "333"])
        try instance.health()
        try instance.end()
    }

    @Test(
        "what is no JSON object is refused with its line",
        arguments: [
            "", "[]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":tru}"#, #"{"a":"\x"}"#, #"{"a":"\ud800"}"#,
            #"{"a":"b"} x"#, #"{"a":"b",}"#, "{\"a\":\"\u{1}\"}", #"{'a':1}"#, String(repeating: #"{"a":"#, count: 100),
        ])
    func badFiles(_ content: String) throws {
        let folder = TemporaryFolder()
        folder.write("s.json", content)
        #expect(throws: PluginFailure.self) { try file(folder) }
    }

    @Test("a file that does not exist is named")
    func noFile() throws {
        let folder = TemporaryFolder()
        do {
            _ = try file(folder)
            Issue.record("started")
        } catch let failure as PluginFailure {
            #expect(failure.message.contains("s.json"))
        }
    }

    @Test("environment variables are secrets, without the prefix and without the runtime's own")
    func environment() throws {
        setenv("PLUGINTEST_ONE", "1", 1)
        setenv("PLUGINTEST_", "empty name", 1)
        setenv("DAPR_API_TOKEN", "hidden", 1)
        setenv("APP_API_TOKEN", "hidden", 1)
        let prefixed = try Instance(Plugin.secrets.get(), "secretstores.local.env", [.text("prefix", "PLUGINTEST_")])
        try prefixed.start()
        #expect(try get(prefixed, "ONE") == ["ONE": "1"])
        #expect(try all(prefixed) == ["ONE": ["ONE": "1"]])
        #expect(throws: PluginFailure.self) { try get(prefixed, "PLUGINTEST_ONE") }
        try prefixed.end()
        let plain = try Instance(Plugin.secrets.get(), "secretstores.local.env", [])
        try plain.start()
        #expect(try get(plain, "PLUGINTEST_ONE") == ["PLUGINTEST_ONE": "1"])
        for hidden in ["DAPR_API_TOKEN", "APP_API_TOKEN"] { #expect(throws: PluginFailure.self) { try get(plain, hidden) } }
        try plain.end()
    }
}

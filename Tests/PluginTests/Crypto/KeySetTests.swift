import COctavo
import PluginCheck
import Testing

@Suite("Sets of keys") struct KeySetTests {
    private static let k = "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"
    private static let set = """
        {"keys":[{"kty":"oct","kid":"a","k":"\(k)"},{"kty":"oct","kid":"w","key_ops":["wrapKey"],"k":"\(k)"},
        {"kty":"oct","kid":"g","alg":"A256GCM","k":"\(k)"},{"kty":"oct","k":"AA"}]}
        """
    private static let secret = [UInt8](repeating: 1, count: 32)

    private func start(_ jwks: String) throws -> Instance {
        let instance = try Instance(Plugin.crypto.get(), "crypto.dapr.jwks", [.text("jwks", jwks)])
        try instance.start()
        return instance
    }

    private func wrap(_ instance: Instance, _ name: String) throws -> [UInt8] {
        try CryptoCalls(instance).run(OCTAVO_CRYPTO_OP_WRAP, .init(name, "A256KW", KeySetTests.secret)).data
    }

    @Test("are read as they are, from Base64 and from a file")
    func sources() throws {
        let folder = TemporaryFolder()
        folder.write("set.json", KeySetTests.set)
        let encoded = shell("base64 '\(folder.path)/set.json'").text
        var wrapped: Set<[UInt8]> = []
        for source in [KeySetTests.set, "\n  " + KeySetTests.set, encoded, folder.path + "/set.json"] {
            let instance = try start(source)
            wrapped.insert(try wrap(instance, "a"))
            try instance.health()
            try instance.end()
        }
        #expect(wrapped.count == 1)
    }

    @Test("keys are used for what they say they are for")
    func uses() throws {
        let instance = try start(KeySetTests.set)
        let wrapped = try wrap(instance, "w")
        func reason(_ body: () throws -> Void) -> String {
            do { try body() } catch let failure as PluginFailure { return failure.message } catch { return "\(error)" }
            return "done"
        }
        let unwrapped = reason { _ = try CryptoCalls(instance).run(OCTAVO_CRYPTO_OP_UNWRAP, .init("w", "A256KW", wrapped)) }
        #expect(unwrapped.contains("not for unwrapKey"))
        #expect(reason { _ = try wrap(instance, "g") }.contains("for another algorithm"))
        #expect(reason { _ = try wrap(instance, "nobody") }.contains("no key with that kid"))
        let nonce = [UInt8](repeating: 0, count: 12)
        #expect(
            try CryptoCalls(instance).run(OCTAVO_CRYPTO_OP_ENCRYPT, .init("g", "A256GCM", [1], nonce: nonce)).data.count == 1)
        try instance.end()
    }

    @Test("a file that changes is read again, a broken one leaves the last good one")
    func changes() throws {
        let folder = TemporaryFolder()
        folder.write("set.json", KeySetTests.set)
        let instance = try start(folder.path + "/set.json")
        let first = try wrap(instance, "a")
        folder.write("set.json", KeySetTests.set.replacing("gIGC", with: "gIGD"))
        #expect(try wrap(instance, "a") != first)
        folder.write("set.json", #"{"keys":"#)
        #expect(try wrap(instance, "a") != first)
        #expect(throws: PluginFailure.self) { try instance.health() }
        folder.write("set.json", KeySetTests.set)
        #expect(try wrap(instance, "a") == first)
        try instance.health()
        try instance.end()
    }

    @Test("that are none are refused with what they are", arguments: [
        ("https://example.com/jwks.json", "URL"), ("http://localhost/keys", "URL"), ("/nowhere/set.json", "/nowhere/set.json"),
        ("{}", "no member keys"), (#"{"keys":[]}"#, "no member keys"), ("{", "no good JSON"), ("/", "can't be"),
    ])
    func refused(_ jwks: String, _ cause: String) throws {
        do {
            _ = try start(jwks)
            Issue.record("started")
        } catch let failure as PluginFailure { #expect(failure.message.contains(cause), "\(failure.message)") }
    }
}

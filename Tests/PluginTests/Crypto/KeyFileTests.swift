import COctavo
import Glibc
import PluginCheck
import Testing

@Suite("Files of keys") struct KeyFileTests {
    private func reason(_ keys: KeyFiles, _ name: String) -> String {
        do {
            _ = try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, .init(name, "A256KW", [UInt8](repeating: 1, count: 32)))
            return "done"
        } catch let failure as PluginFailure { return failure.message } catch { return "\(error)" }
    }

    @Test("are keys in whatever form they are", arguments: [
        ("raw", (0..<32).map { UInt8($0 &+ 128) }),
        ("text", Array("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8=".utf8)),
        ("text with a line's end", Array("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8=\r\n".utf8)),
        ("url", Array("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8".utf8)),
        ("guessed", Array(#"{"kty":"oct","k":"gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"}"#.utf8)),
        ("key.JSON", Array(#" { "k" : "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8" , "kty" : "oct" } "#.utf8)),
    ] as [(String, [UInt8])])
    func forms(_ name: String, _ content: [UInt8]) throws {
        let keys = try KeyFiles([name: content, "other": (0..<32).map { UInt8($0 &+ 128) }])
        let secret = [UInt8](repeating: 1, count: 32)
        let wrapped = try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, .init(name, "A256KW", secret)).data
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_UNWRAP, .init("other", "A256KW", wrapped)).data == secret)
    }

    /// The number 1, in 32 bytes.
    private static let one = String(repeating: "A", count: 42) + "E"

    @Test("that are none say why", arguments: [
        ("empty", [], "it is empty"),
        ("broken.json", Array(#"{"kty":"oct""#.utf8), "no good JSON"),
        ("list.json", Array("[]".utf8), "no good JSON"),
        ("type.json", Array(#"{"kty":"DH"}"#.utf8), "kty"),
        ("number.json", Array(#"{"kty":"oct","k":"a+b c"}"#.utf8), "not Base64"),
        ("nothing.json", Array(#"{"kty":"oct"}"#.utf8), "it is empty"),
        ("rsa.json", Array(#"{"kty":"RSA","n":"AQAB"}"#.utf8), "lacks the members n and e"),
        ("short.json", Array(#"{"kty":"RSA","n":"u-sC3dMX3m8","e":"AQAB"}"#.utf8), "shorter than 1,024 bits"),
        ("curve.json", Array(#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#.utf8), "its curve"),
        ("size.json", Array(#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.utf8), "size of its curve"),
        (
            "point.json",
            Array(#"{"kty":"EC","crv":"P-256","x":"\#(one)","y":"\#(one)"}"#.utf8),
            "its curve"
        ),
        (
            "pair.json",
            Array(#"{"kty":"OKP","crv":"Ed25519","d":"\#(one)","x":"\#(one)"}"#.utf8),
            "don't belong together"
        ),
        ("text.pem", Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8), "holds no key"),
        ("not.pem", Array("hello".utf8), "holds no key"),
        ("huge", [UInt8](repeating: 0x20, count: (1 << 20) + 1), "bigger than"),
    ] as [(String, [UInt8], String)])
    func broken(_ name: String, _ content: [UInt8], _ cause: String) throws {
        let keys = try KeyFiles([name: content])
        let told = reason(keys, name)
        #expect(told.contains(cause) && told.contains(name), "\(told)")
    }

    @Test("with a passphrase are refused without a question, others of OpenSSL are read")
    func openSSL() throws {
        let keys = try KeyFiles()
        let path = keys.folder.path
        let made = shell(
            """
            cd '\(path)' && openssl genrsa 2048 > rsa.pem && openssl pkcs8 -topk8 -in rsa.pem -passout pass:x -out locked.pem \
            && openssl rsa -in rsa.pem -traditional -out old.pem && openssl ecparam -name prime256v1 -genkey -out ec.pem \
            && openssl ecparam -name secp256k1 -genkey -out coin.pem
            """)
        try #require(made.code == 0, "\(made.text)")
        #expect(reason(keys, "locked.pem").contains("passphrase"))
        #expect(reason(keys, "coin.pem").contains("neither RSA nor"))
        let digest = [UInt8](repeating: 5, count: 32)
        let signature = try keys.calls.run(OCTAVO_CRYPTO_OP_SIGN, .init("old.pem", "RS256", digest)).data
        #expect(try keys.calls.verify(.init("rsa.pem", "RS256", digest, signature: signature)))
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_SIGN, .init("ec.pem", "ES256", digest)).data.first == 0x30)
    }

    @Test("are read again when they change, and are gone when they are gone")
    func changes() throws {
        let keys = try KeyFiles(["key": (0..<32).map { UInt8($0 &+ 128) }])
        let secret = [UInt8](repeating: 1, count: 32)
        let first = try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, .init("key", "A256KW", secret)).data
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, .init("key", "A256KW", secret)).data == first)
        keys.set("key", (0..<32).map { UInt8($0 &+ 129) })
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, .init("key", "A256KW", secret)).data != first)
        unlink(keys.folder.path + "/key")
        #expect(reason(keys, "key").contains("no file of that name"))
    }

    @Test("outside of the folder are nothing, whatever leads there", arguments: [
        "../outside", "in/../../outside", "/etc/hostname", "link", "folder-link/outside", "..", "in/..", "absolute",
    ])
    func outside(_ name: String) throws {
        let outer = TemporaryFolder()
        outer.write("outside", "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8=")
        let keys = try KeyFiles()
        let path = keys.folder.path
        mkdir(path + "/in", 0o755)
        symlink(outer.path + "/outside", path + "/link")
        symlink(outer.path, path + "/folder-link")
        symlink("/etc/hostname", path + "/absolute")
        defer { rmdir(path + "/in") }
        #expect(reason(keys, name).contains("outside of the folder"), "\(reason(keys, name))")
    }

    @Test("that are folders, pipes or unreadable say so", arguments: [("in", "is no key"), ("pipe", "is no key"), ("", "empty")])
    func odd(_ name: String, _ cause: String) throws {
        let keys = try KeyFiles()
        mkdir(keys.folder.path + "/in", 0o755)
        mkfifo(keys.folder.path + "/pipe", 0o600)
        defer { rmdir(keys.folder.path + "/in") }
        #expect(reason(keys, name).contains(cause), "\(reason(keys, name))")
    }

    @Test("a version is refused, for keys have none")
    func versions() throws {
        let keys = try KeyFiles(["key": [UInt8](repeating: 7, count: 32)])
        do {
            _ = try keys.calls.publicKey("key", version: "2")
            Issue.record("a version was taken")
        } catch let failure as PluginFailure { #expect(failure.message.contains("no versions")) }
    }
}

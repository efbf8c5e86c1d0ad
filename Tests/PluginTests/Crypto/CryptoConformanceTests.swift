import COctavo
import PluginCheck
import Testing

/// What every crypto component must do: the cases of `octavo plugin check`, with the keys that they look for.
@Suite struct CryptoConformanceTests {
    /// A folder with those keys.
    static func keys() throws -> KeyFiles {
        let keys = try KeyFiles(["octavo-check-aes256": (0..<32).map { UInt8($0 &+ 128) }])
        let made = shell(
            """
            openssl genrsa -out '\(keys.folder.path)/octavo-check-rsa' 2048 && \
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out '\(keys.folder.path)/octavo-check-p256'
            """)
        try #require(made.code == 0, "\(made.text)")
        return keys
    }

    @Test("the cases of the kind", arguments: CryptoCases.all)
    func conformance(_ one: ConformanceCase) throws {
        let keys = try CryptoConformanceTests.keys()
        try #require(keys.instance.features & one.needs == one.needs, "the type has lost a feature")
        try one.run(keys.instance, scope: "")
    }

    @Test("the keys that the cases look for are found")
    func found() throws {
        let keys = try CryptoConformanceTests.keys()
        #expect(try keys.calls.publicKey("octavo-check-rsa").hasPrefix("-----BEGIN PUBLIC KEY-----"))
        #expect(try keys.calls.publicKey("octavo-check-p256", format: OCTAVO_KEY_JWK).hasPrefix(#"{"kty":"EC","crv":"P-256","x":""#))
        let input = CryptoCalls.Input("octavo-check-aes256", "A256KW", [UInt8](repeating: 0, count: 32))
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, input).data.count == 40)
    }
}

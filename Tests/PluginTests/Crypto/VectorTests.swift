import COctavo
import PluginCheck
import Testing

/// What a standard says that comes of a key and a text.
struct Vector: Sendable, CustomTestStringConvertible {
    var algorithm: String
    var source: String
    var key: String
    var plain: [UInt8]
    var nonce = ""
    var associated: [UInt8] = []
    var sealed: String
    var tag = ""

    var testDescription: String { "\(algorithm), \(source)" }

    static let sunscreen = Array(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.".utf8)
    static let kerckhoffs = Array(
        ("A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy "
            + "without inconvenience").utf8)
    static let second = Array("The second principle of Auguste Kerckhoffs".utf8)
    static let gcm = """
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16a
        edf5aa0de657ba637b39
        """
    static let block = "6bc1bee22e409f96e93d7e117393172a"
    static let counting = "000102030405060708090a0b0c0d0e0f"
    static let wrapped = "00112233445566778899aabbccddeeff"

    static let table: [Vector] = [
        Vector(
            algorithm: "A128KW", source: "RFC 3394 §4.1", key: counting, plain: hex(wrapped),
            sealed: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        Vector(
            algorithm: "A192KW", source: "RFC 3394 §4.2", key: counting + "1011121314151617", plain: hex(wrapped),
            sealed: "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
        Vector(
            algorithm: "A256KW", source: "RFC 3394 §4.6", key: counting + "101112131415161718191a1b1c1d1e1f",
            plain: hex(wrapped + counting),
            sealed: "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
        Vector(
            algorithm: "A128CBC-NOPAD", source: "SP 800-38A F.2.1", key: "2b7e151628aed2a6abf7158809cf4f3c", plain: hex(block),
            nonce: counting, sealed: "7649abac8119b246cee98e9b12e9197d"),
        Vector(
            algorithm: "A192CBC-NOPAD", source: "SP 800-38A F.2.3", key: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            plain: hex(block), nonce: counting, sealed: "4f021db243bc633d7178183a9fa071e8"),
        Vector(
            algorithm: "A256CBC-NOPAD", source: "SP 800-38A F.2.5",
            key: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", plain: hex(block), nonce: counting,
            sealed: "f58c4c04d6e5f1ba779eabfb5f7bfbd6"),
        Vector(
            algorithm: "A128GCM", source: "GCM specification, case 4", key: "feffe9928665731c6d6a8f9467308308", plain: hex(gcm),
            nonce: "cafebabefacedbaddecaf888", associated: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            sealed: """
                42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba3
                0b396a0aac973d58e091
                """,
            tag: "5bc94fbc3221a5db94fae95ae7121a47"),
        Vector(
            algorithm: "A256GCM", source: "GCM specification, case 16",
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", plain: hex(gcm),
            nonce: "cafebabefacedbaddecaf888", associated: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            sealed: """
                522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f6
                1e6393ba7a0abcc9f662
                """,
            tag: "76fc6ece0f4e1768cddf8853bb2d551b"),
        Vector(
            algorithm: "C20P", source: "RFC 8439 §2.8.2",
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", plain: sunscreen,
            nonce: "070000004041424344454647", associated: hex("50515253c0c1c2c3c4c5c6c7"),
            sealed: """
                d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b6
                7ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116
                """, tag: "1ae10b594f09e26a7e902ecbd0600691"),
        Vector(
            algorithm: "XC20P", source: "draft-irtf-cfrg-xchacha A.3.1",
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", plain: sunscreen,
            nonce: "404142434445464748494a4b4c4d4e4f5051525354555657", associated: hex("50515253c0c1c2c3c4c5c6c7"),
            sealed: """
                bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e
                1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e
                """, tag: "c0875924c1c7987947deafd8780acf49"),
        Vector(
            algorithm: "A128CBC-HS256", source: "RFC 7518 B.1", key: counting + "101112131415161718191a1b1c1d1e1f",
            plain: kerckhoffs, nonce: "1af38c2dc2b96ffdd86694092341bc04", associated: second,
            sealed: """
                c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362
                c703233609d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b384c486f3a54c51078158ee5d79de59fbd34d848b3d69550
                a67646344427ade54b8851ffb598f7f80074b9473c82e2db
                """, tag: "652c3fa36b0a7c5b3219fab3a30bc1c4"),
        Vector(
            algorithm: "A192CBC-HS384", source: "RFC 7518 B.2",
            key: counting + "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f", plain: kerckhoffs,
            nonce: "1af38c2dc2b96ffdd86694092341bc04", associated: second,
            sealed: """
                ea65da6b59e61edb419be62d19712ae5d303eeb50052d0dfd6697f77224c8edb000d279bdc14c1072654bd30944230c657bed4ca0c9f4a8466f22b22
                6d1746214bf8cfc2400add9f5126e479663fc90b3bed787a2f0ffcbf3904be2a641d5c2105bfe591bae23b1d7449e532eef60a9ac8bb6c6b01d35d49
                787bcd57ef484927f280adc91ac0c4e79c7b11efc60054e3
                """, tag: "8490ac0e58949bfe51875d733f93ac2075168039ccc733d7"),
        Vector(
            algorithm: "A256CBC-HS512", source: "RFC 7518 B.3",
            key: counting + "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
            plain: kerckhoffs, nonce: "1af38c2dc2b96ffdd86694092341bc04", associated: second,
            sealed: """
                4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd822c301dd67c373bccb584ad3e9279c2e6d12a1374b77f077553df82
                9410446b36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053
                d21f37ff4f51950bbe2638d09dd7a4930930806d0703b1f6
                """, tag: "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5"),
    ]
}

@Suite("Algorithms") struct VectorTests {
    @Test("do what their standards say", arguments: Vector.table)
    func vector(_ vector: Vector) throws {
        let keys = try KeyFiles(["key": hex(vector.key)])
        let nonce = vector.nonce.isEmpty ? nil : hex(vector.nonce)
        let associated = vector.associated.isEmpty ? nil : vector.associated
        let sealed = try keys.calls.run(
            OCTAVO_CRYPTO_OP_ENCRYPT, .init("key", vector.algorithm, vector.plain, nonce: nonce, associatedData: associated))
        #expect(sealed.data == hex(vector.sealed))
        #expect(sealed.tag == (vector.tag.isEmpty ? nil : hex(vector.tag)))
        let back = CryptoCalls.Input(
            "key", vector.algorithm.lowercased(), hex(vector.sealed), nonce: nonce, tag: vector.tag.isEmpty ? nil : hex(vector.tag),
            associatedData: associated)
        #expect(try keys.calls.run(OCTAVO_CRYPTO_OP_DECRYPT, back).data == vector.plain)
    }

    /// Of RFC 3394.
    private func isKeyWrap(_ algorithm: String) -> Bool { ["A128KW", "A192KW", "A256KW"].contains(algorithm) }

    @Test("take what they are listed for, of any size that they can have", arguments: [0, 1, 15, 16, 17, 1000, 1 << 20])
    func sizes(_ size: Int) throws {
        var files: [String: [UInt8]] = [:]
        for count in [16, 24, 32, 48, 64] { files["\(count)"] = (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ 200) } }
        let keys = try KeyFiles(files)
        let names = try keys.calls.algorithms()
        var tried = 0
        for algorithm in Set(names.encryption + names.wrapping) where !algorithm.hasPrefix("RSA") {
            let bits = algorithm.contains("C20P") ? 256 : Int(algorithm.dropFirst().prefix(3))!
            let key = "\(bits / 8 * (algorithm.contains("-HS") ? 2 : 1))"
            let nonceSize = algorithm.hasPrefix("XC20") ? 24 : algorithm.contains("CBC") ? 16 : isKeyWrap(algorithm) ? 0 : 12
            let nonce = nonceSize == 0 ? nil : [UInt8](repeating: 3, count: nonceSize)
            let plain = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let fits = algorithm.hasSuffix("NOPAD") ? size % 16 == 0 : nonceSize == 0 ? size % 8 == 0 && size >= 16 : true
            let input = CryptoCalls.Input(key, algorithm, plain, nonce: nonce)
            guard fits else {
                #expect(throws: PluginFailure.self) { try keys.calls.run(OCTAVO_CRYPTO_OP_ENCRYPT, input) }
                continue
            }
            let sealed = try keys.calls.run(OCTAVO_CRYPTO_OP_WRAP, input)
            let back = try keys.calls.run(
                OCTAVO_CRYPTO_OP_UNWRAP, .init(key, algorithm, sealed.data, nonce: nonce, tag: sealed.tag))
            #expect(back.data == plain, "\(algorithm) of \(size) bytes")
            tried += 1
        }
        #expect(tried >= 10)
    }

    @Test("Ed25519 signs as RFC 8032 §7.1 says, with a JSON Web Key (RFC 8037)")
    func edwards() throws {
        let jwk = """
            {"kty":"OKP","crv":"Ed25519","d":"TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs",
            "x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}
            """
        let keys = try KeyFiles(["key.json": Array(jwk.utf8)])
        let signature = try keys.calls.run(OCTAVO_CRYPTO_OP_SIGN, .init("key.json", "EdDSA", [0x72])).data
        #expect(
            signature == hex(
                """
                    92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b
                    2eaeb4302aeeb00d291612bb0c00
                    """))
        #expect(try keys.calls.verify(.init("key.json", "EdDSA", [0x72], signature: signature)))
    }
}

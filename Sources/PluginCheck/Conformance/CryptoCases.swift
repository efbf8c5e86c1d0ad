import COctavo

/// What every crypto component must do. Keys can't be listed or made, so the cases that need one look for keys of these
/// names and say nothing where they are not: `octavo-check-aes256` (32 bytes), `octavo-check-rsa` and
/// `octavo-check-p256` (private).
package enum CryptoCases {
    package static let all: [ConformanceCase] = [unknownKey, unknownAlgorithm, lists, wrapping, tampering, signing, publicKeys]

    static let unknownKey = ConformanceCase("a key that does not exist is an error", section: "crypto.h") { instance, _ in
        let keys = CryptoCalls(instance)
        for name in ["octavo-check-no-such-key", "no such\nkey", "../../../../etc/passwd", "/etc/passwd"] {
            let input = CryptoCalls.Input(name, "A256KW", [UInt8](repeating: 0, count: 32))
            let shownName = shown(Array(name.utf8))
            for (op, operation) in [(OCTAVO_CRYPTO_OP_WRAP, "wrap"), (OCTAVO_CRYPTO_OP_UNWRAP, "unwrap")] {
                let came = try ending { _ = try keys.run(op, input) }
                try require(came != "done", "\(operation) with the key \(shownName), which does not exist, worked.")
            }
            let came = try ending { _ = try keys.publicKey(name) }
            try require(came != "done", "public_key of the key \(shownName), which does not exist, worked.")
        }
    }

    static let unknownAlgorithm = ConformanceCase(
        "an algorithm that does not exist is an error", section: "crypto.h: octavo_crypto_request"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        for key in ["octavo-check-aes256", "octavo-check-rsa", "octavo-check-p256"] {
            for algorithm in ["ROT13", "", "A256", "none"] {
                let input = CryptoCalls.Input(key, algorithm, [1, 2, 3], signature: [1])
                for op in OCTAVO_CRYPTO_OP_ENCRYPT...OCTAVO_CRYPTO_OP_SIGN {
                    let came = try ending { _ = try keys.run(op, input) }
                    try require(came != "done", "operation \(op) with the algorithm \"\(algorithm)\" worked.")
                }
                let came = try ending { _ = try keys.verify(input) }
                try require(came != "done", "verify with the algorithm \"\(algorithm)\" gave an answer.")
            }
        }
    }

    static let lists = ConformanceCase(
        "each algorithm is listed once", section: "crypto.h: octavo_crypto_algorithms_reply"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        let names: (encryption: [String], wrapping: [String], signing: [String])
        do { names = try keys.algorithms() } catch let failure as PluginFailure where failure.code == OCTAVO_CODE_UNIMPLEMENTED { return }
        for list in [names.encryption, names.wrapping, names.signing] {
            try require(Set(list).count == list.count, "A list of algorithms names one twice: \(list.joined(separator: ", ")).")
            try require(!list.contains(""), "A list of algorithms has an empty name.")
        }
    }

    /// Whether there is a key of that name, and the operation.
    private static func exists(_ name: String, _ body: () throws -> Void) throws -> Bool {
        do {
            try body()
            return true
        } catch let failure as PluginFailure where [OCTAVO_CODE_NOT_FOUND, OCTAVO_CODE_UNIMPLEMENTED].contains(failure.code) {
            return false
        }
    }

    static let wrapping = ConformanceCase(
        "a key that was wrapped is unwrapped as it was, by many at once", needs: UInt64(OCTAVO_CRYPTO_WRAP),
        section: "crypto.h: wrap, unwrap"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        for (name, algorithm) in [("octavo-check-aes256", "A256KW"), ("octavo-check-rsa", "RSA-OAEP-256")] {
            let secret = (0..<32).map { UInt8($0 &* 7) }
            guard try exists(name, { _ = try keys.run(OCTAVO_CRYPTO_OP_WRAP, .init(name, algorithm, secret)) }) else { continue }
            try inThreads(4) { _ in
                for _ in 0..<10 {
                    let wrapped = try keys.run(OCTAVO_CRYPTO_OP_WRAP, .init(name, algorithm, secret)).data
                    try require(wrapped != secret, "wrap with \(algorithm) gave the key as it was.")
                    let back = try keys.run(OCTAVO_CRYPTO_OP_UNWRAP, .init(name, algorithm, wrapped)).data
                    try require(back == secret, "unwrap with \(algorithm) gave another key than was wrapped.")
                }
            }
            var changed = try keys.run(OCTAVO_CRYPTO_OP_WRAP, .init(name, algorithm, secret)).data
            changed[changed.count / 2] ^= 1
            let came = try ending { _ = try keys.run(OCTAVO_CRYPTO_OP_UNWRAP, .init(name, algorithm, changed)) }
            try require(came != "done", "unwrap with \(algorithm) of a wrapped key with a changed bit worked.")
        }
    }

    static let tampering = ConformanceCase(
        "what was changed does not decrypt", needs: UInt64(OCTAVO_CRYPTO_ENCRYPT), section: "crypto.h: decrypt"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        let name = "octavo-check-aes256"
        let plain = Array("a plain text".utf8)
        let nonce = [UInt8](repeating: 9, count: 12)
        let input = CryptoCalls.Input(name, "A256GCM", plain, nonce: nonce, associatedData: [1, 2])
        guard try exists(name, { _ = try keys.run(OCTAVO_CRYPTO_OP_ENCRYPT, input) }) else { return }
        let sealed = try keys.run(OCTAVO_CRYPTO_OP_ENCRYPT, input)
        let tag = try require(sealed.tag, "encrypt with A256GCM gave no tag.")
        var good = input
        (good.data, good.tag) = (sealed.data, tag)
        let back = try keys.run(OCTAVO_CRYPTO_OP_DECRYPT, good).data
        try require(back == plain, "decrypt gave \(shown(back)) of what encrypt made of \(shown(plain)).")
        var changes: [(String, CryptoCalls.Input)] = []
        func change(_ what: String, _ path: WritableKeyPath<CryptoCalls.Input, [UInt8]?>) {
            var bad = good
            bad[keyPath: path]?[0] ^= 1
            changes.append((what, bad))
        }
        change("ciphertext", \.data)
        change("tag", \.tag)
        change("nonce", \.nonce)
        change("associated data", \.associatedData)
        for (what, bad) in changes {
            let came = try ending { _ = try keys.run(OCTAVO_CRYPTO_OP_DECRYPT, bad) }
            try require(came != "done", "decrypt with a changed bit of the \(what) worked.")
        }
    }

    static let signing = ConformanceCase(
        "a signature fits its digest alone", needs: UInt64(OCTAVO_CRYPTO_SIGN), section: "crypto.h: sign, verify"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        let digest = (0..<32).map { UInt8($0) }
        for (name, algorithm) in [("octavo-check-rsa", "RS256"), ("octavo-check-rsa", "PS256"), ("octavo-check-p256", "ES256")] {
            guard try exists(name, { _ = try keys.run(OCTAVO_CRYPTO_OP_SIGN, .init(name, algorithm, digest)) }) else { continue }
            let signature = try keys.run(OCTAVO_CRYPTO_OP_SIGN, .init(name, algorithm, digest)).data
            func isValid(_ digest: [UInt8], _ signature: [UInt8]) throws -> Bool {
                try keys.verify(.init(name, algorithm, digest, signature: signature))
            }
            try require(try isValid(digest, signature), "verify of a signature by \(algorithm) that sign has just made says no.")
            try require(!(try isValid(digest.reversed(), signature)), "verify by \(algorithm) takes a signature for another digest.")
            var changed = signature
            changed[changed.count - 1] ^= 1
            try require(!(try isValid(digest, changed)), "verify by \(algorithm) takes a changed signature.")
            try require(!(try isValid(digest, [])), "verify by \(algorithm) takes an empty signature.")
        }
    }

    static let publicKeys = ConformanceCase(
        "public_key gives the public part and nothing else", needs: UInt64(OCTAVO_CRYPTO_PUBLIC_KEY), section: "crypto.h: public_key"
    ) { instance, _ in
        let keys = CryptoCalls(instance)
        for name in ["octavo-check-rsa", "octavo-check-p256"] {
            guard try exists(name, { _ = try keys.publicKey(name) }) else { continue }
            let pem = try keys.publicKey(name)
            try require(pem.hasPrefix("-----BEGIN PUBLIC KEY-----\n"), "public_key of \(name) is no PEM of a public key.")
            let jwk = try keys.publicKey(name, format: OCTAVO_KEY_JWK)
            try require(jwk.hasPrefix("{") && !jwk.contains(#""d":"#), "public_key of \(name) as JSON is no public key alone.")
        }
        let came = try ending { _ = try keys.publicKey("octavo-check-aes256") }
        try require(came != "done", "public_key of a symmetric key worked.")
    }
}

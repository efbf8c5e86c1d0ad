import COctavo

/// A crypto component, called in the terms of a test.
package struct CryptoCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    /// What an operation works on. Nil is absent.
    package struct Input: Sendable {
        package var key: String?
        package var algorithm: String?
        package var data: [UInt8]?
        package var nonce: [UInt8]?
        package var tag: [UInt8]?
        package var associatedData: [UInt8]?
        package var signature: [UInt8]?

        package init(
            _ key: String?, _ algorithm: String?, _ data: [UInt8]?, nonce: [UInt8]? = nil, tag: [UInt8]? = nil,
            associatedData: [UInt8]? = nil, signature: [UInt8]? = nil
        ) {
            self.key = key
            self.algorithm = algorithm
            self.data = data
            self.nonce = nonce
            self.tag = tag
            self.associatedData = associatedData
            self.signature = signature
        }

        func request(_ arena: Arena) -> octavo_crypto_request {
            var request = octavo_crypto_request()
            request.head = head(octavo_crypto_request.self)
            request.name = arena.str(key)
            request.algorithm = arena.str(algorithm)
            request.data = arena.bytes(data)
            request.nonce = arena.bytes(nonce)
            request.tag = arena.bytes(tag)
            request.associated_data = arena.bytes(associatedData)
            request.signature = arena.bytes(signature)
            return request
        }
    }

    /// One of `OCTAVO_CRYPTO_OP_ENCRYPT` to `…_SIGN`.
    package func run(_ op: Int32, _ input: Input) throws -> (data: [UInt8], tag: [UInt8]?) {
        let arena = Arena()
        let output = try instance.call(op, input.request(arena), arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_crypto_reply.self).pointee
            return (bytes(reply.data) ?? [], bytes(reply.tag))
        }
        return output ?? ([], nil)
    }

    package func verify(_ input: Input) throws -> Bool {
        let arena = Arena()
        let valid = try instance.call(OCTAVO_CRYPTO_OP_VERIFY, input.request(arena), arena) { reply in
            reply.assumingMemoryBound(to: octavo_crypto_verify_reply.self).pointee.valid == 1
        }
        return valid ?? false
    }

    /// `format`: `OCTAVO_KEY_*`.
    package func publicKey(_ name: String?, version: String? = nil, format: Int32 = OCTAVO_KEY_PEM) throws -> String {
        let arena = Arena()
        var request = octavo_crypto_key_request()
        request.head = head(octavo_crypto_key_request.self)
        request.name = arena.str(name)
        request.version = arena.str(version)
        request.format = format
        let key = try instance.call(OCTAVO_CRYPTO_OP_PUBLIC_KEY, request, arena) { reply in
            String(decoding: bytes(reply.assumingMemoryBound(to: octavo_crypto_key_reply.self).pointee.key) ?? [], as: UTF8.self)
        }
        return key ?? ""
    }

    /// What the instance says that it can do.
    package func algorithms() throws -> (encryption: [String], wrapping: [String], signing: [String]) {
        var request = octavo_crypto_algorithms_request()
        request.head = head(octavo_crypto_algorithms_request.self)
        let names = try instance.call(OCTAVO_CRYPTO_OP_ALGORITHMS, request, Arena()) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_crypto_algorithms_reply.self).pointee
            func texts(_ list: octavo_list) -> [String] { elements(list, of: octavo_str.self).map { text($0) ?? "" } }
            return (texts(reply.encryption), texts(reply.wrapping), texts(reply.signing))
        }
        return names ?? ([], [], [])
    }
}

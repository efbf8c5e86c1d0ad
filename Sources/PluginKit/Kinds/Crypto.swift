/// A crypto component: keys by name, and what is done with them. Requests stay readable until their call has ended.
open class CryptoProvider: Component {
    open func publicKey(_ request: UnsafePointer<octavo_crypto_key_request>, _ reply: PublicKeyReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    open func encrypt(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    open func decrypt(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    /// `data` is the key to wrap.
    open func wrap(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    open func unwrap(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    /// `data` is the digest.
    open func sign(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    /// A signature that does not fit is an answer, not an error.
    open func verify(_ request: UnsafePointer<octavo_crypto_request>, _ reply: VerifyReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
    open func algorithms(_ reply: AlgorithmsReply) throws(PluginError) {
        throw .unimplemented("This crypto component does not offer the operation.")
    }
}

public struct PublicKeyReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The name with its version, and the key in the format that was asked for.
    public func key(_ name: Str, _ key: Bytes) {
        var reply = octavo_crypto_key_reply(
            size: UInt32(MemoryLayout<octavo_crypto_key_reply>.size), flags: 0, name: name, key: key)
        call.complete(&reply)
    }
}

public struct CryptoReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// Ciphertext, plaintext, wrapped key, key or signature; the tag is absent where the algorithm has none.
    public func data(_ data: Bytes, tag: Bytes = .absent) {
        var reply = octavo_crypto_reply(size: UInt32(MemoryLayout<octavo_crypto_reply>.size), flags: 0, data: data, tag: tag)
        call.complete(&reply)
    }
}

public struct VerifyReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public func valid(_ valid: Bool) {
        var reply = octavo_crypto_verify_reply(
            size: UInt32(MemoryLayout<octavo_crypto_verify_reply>.size), valid: valid ? 1 : 0)
        call.complete(&reply)
    }
}

public struct AlgorithmsReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public func names(
        encryption: UnsafeBufferPointer<octavo_str>, wrapping: UnsafeBufferPointer<octavo_str>,
        signing: UnsafeBufferPointer<octavo_str>
    ) {
        var reply = octavo_crypto_algorithms_reply(
            size: UInt32(MemoryLayout<octavo_crypto_algorithms_reply>.size), flags: 0, encryption: octavo_list(encryption),
            wrapping: octavo_list(wrapping), signing: octavo_list(signing))
        call.complete(&reply)
    }
}

func buildCryptoTable() -> UnsafePointer<octavo_crypto_ops> {
    let ops = Static.room(for: octavo_crypto_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_crypto_ops>.size)
    ops.pointee.public_key = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.publicKey(request, PublicKeyReply(call))
        }
    }
    ops.pointee.encrypt = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.encrypt(request, CryptoReply(call))
        }
    }
    ops.pointee.decrypt = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.decrypt(request, CryptoReply(call))
        }
    }
    ops.pointee.wrap = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.wrap(request, CryptoReply(call))
        }
    }
    ops.pointee.unwrap = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.unwrap(request, CryptoReply(call))
        }
    }
    ops.pointee.sign = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.sign(request, CryptoReply(call))
        }
    }
    ops.pointee.verify = { pointer, call, request in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.verify(request, VerifyReply(call))
        }
    }
    ops.pointee.algorithms = { pointer, call, _ in
        with(pointer, as: CryptoProvider.self, call) { (keys, call) throws(PluginError) in
            try keys.algorithms(AlgorithmsReply(call))
        }
    }
    return UnsafePointer(ops)
}

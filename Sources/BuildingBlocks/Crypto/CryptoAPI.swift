import COctavo
package import Components

/// The crypto building block on one event loop.
package final class CryptoAPI {
    package let loop: CallLoop

    package init(loop: CallLoop) { self.loop = loop }

    package func component(_ name: String) throws(CryptoFailure) -> ComponentRef {
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_CRYPTO else {
            throw loop.allComponents.contains { $0.kind == OCTAVO_KIND_CRYPTO } ? .notFound(component: name) : .notConfigured
        }
        return ref
    }

    /// What an operation gave: ciphertext, plaintext, wrapped key, key or signature, and a tag where there is one.
    package typealias Output = (data: [UInt8], tag: [UInt8])

    /// One of `OCTAVO_CRYPTO_OP_ENCRYPT` to `…_SIGN`. `done` is called once. `deadline`: CLOCK_MONOTONIC
    /// nanoseconds, 0 for none.
    package func run(
        _ ref: ComponentRef, _ op: Int32, _ operation: CryptoOperation, deadline: Int64,
        done: @escaping (Result<Output, CryptoFailure>) -> Void
    ) {
        submit(ref, op, operation, deadline, OutputWaiter(operation.key, done))
    }

    /// Whether the signature is of that digest and key.
    package func verify(
        _ ref: ComponentRef, _ operation: CryptoOperation, deadline: Int64,
        done: @escaping (Result<Bool, CryptoFailure>) -> Void
    ) {
        submit(ref, OCTAVO_CRYPTO_OP_VERIFY, operation, deadline, VerifyWaiter(operation.key, done))
    }

    /// `format`: `OCTAVO_KEY_*`. Gives the name, with the version where there is one, and the key.
    package func publicKey(
        _ ref: ComponentRef, name: String, format: Int32, deadline: Int64,
        done: @escaping (Result<(name: String, key: String), CryptoFailure>) -> Void
    ) {
        let run = {
            guard
                var slot = ref.open(
                    OCTAVO_CRYPTO_OP_PUBLIC_KEY, octavo_crypto_key_request.self, bytes: name.utf8.count + 16,
                    deadline: deadline, waiter: PublicKeyWaiter(name, done))
            else { return }
            let request = slot.request
            request.pointee.name = slot.text(name)
            request.pointee.format = format
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(run) } else { run() }
    }

    private func submit(
        _ ref: ComponentRef, _ op: Int32, _ operation: CryptoOperation, _ deadline: Int64, _ waiter: CallWaiter
    ) {
        let run = {
            guard
                var slot = ref.open(
                    op, octavo_crypto_request.self, bytes: operation.size, deadline: deadline, waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.name = slot.text(operation.key)
            request.pointee.algorithm = slot.text(operation.algorithm)
            func bytes(_ value: [UInt8]) -> octavo_bytes { value.withUnsafeBytes { slot.bytes($0) } }
            request.pointee.data = bytes(operation.data)
            if !operation.nonce.isEmpty { request.pointee.nonce = bytes(operation.nonce) }
            if !operation.tag.isEmpty { request.pointee.tag = bytes(operation.tag) }
            if !operation.associatedData.isEmpty { request.pointee.associated_data = bytes(operation.associatedData) }
            if !operation.signature.isEmpty { request.pointee.signature = bytes(operation.signature) }
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(run) } else { run() }
    }
}

/// What is to be done with a key, and to what. Empty parts are absent.
package struct CryptoOperation {
    package var key: String
    /// A name of JWA (RFC 7518) or of Dapr.
    package var algorithm: String
    /// What to encrypt or decrypt, the key to wrap or unwrap, the digest.
    package var data: [UInt8]
    package var nonce: [UInt8]
    package var tag: [UInt8]
    package var associatedData: [UInt8]
    package var signature: [UInt8]

    package init(
        key: String, algorithm: String, data: [UInt8], nonce: [UInt8] = [], tag: [UInt8] = [],
        associatedData: [UInt8] = [], signature: [UInt8] = []
    ) {
        self.key = key
        self.algorithm = algorithm
        self.data = data
        self.nonce = nonce
        self.tag = tag
        self.associatedData = associatedData
        self.signature = signature
    }

    /// Bytes of a request that holds it all.
    var size: Int {
        key.utf8.count + algorithm.utf8.count + data.count + nonce.count + tag.count + associatedData.count + signature.count + 64
    }
}

private final class OutputWaiter: CallWaiter {
    private let key: String
    private let done: (Result<CryptoAPI.Output, CryptoFailure>) -> Void

    init(_ key: String, _ done: @escaping (Result<CryptoAPI.Output, CryptoFailure>) -> Void) {
        self.key = key
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        let reply = reply?.loadUnaligned(as: octavo_crypto_reply.self) ?? octavo_crypto_reply()
        done(.success((Array(reply.data.bytes), Array(reply.tag.bytes))))
    }

    override func failed(_ error: CallError) { done(.failure(.component(key: key, error: error))) }
}

private final class VerifyWaiter: CallWaiter {
    private let key: String
    private let done: (Result<Bool, CryptoFailure>) -> Void

    init(_ key: String, _ done: @escaping (Result<Bool, CryptoFailure>) -> Void) {
        self.key = key
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        done(.success(reply?.loadUnaligned(as: octavo_crypto_verify_reply.self).valid == 1))
    }

    override func failed(_ error: CallError) { done(.failure(.component(key: key, error: error))) }
}

private final class PublicKeyWaiter: CallWaiter {
    private let key: String
    private let done: (Result<(name: String, key: String), CryptoFailure>) -> Void

    init(_ key: String, _ done: @escaping (Result<(name: String, key: String), CryptoFailure>) -> Void) {
        self.key = key
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        let reply = reply?.loadUnaligned(as: octavo_crypto_key_reply.self) ?? octavo_crypto_key_reply()
        done(.success((String(reply.name), String(decoding: reply.key.bytes, as: UTF8.self))))
    }

    override func failed(_ error: CallError) { done(.failure(.publicKey(key: key, error: error))) }
}

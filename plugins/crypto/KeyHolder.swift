import CPluginKeys
import PluginKeys
import PluginKit

/// What both types have in common: everything but where the keys are.
class KeyHolder: CryptoProvider {
    /// Bytes of a file of keys; one that is bigger is a mistake.
    static let sizeLimit = 1 << 20

    /// The key of that name. Worker threads, several at once.
    func key(_ name: Str) throws(PluginError) -> Key { throw .unimplemented("There are no keys.") }

    override func encrypt(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        try encrypt(request, .encrypt, reply)
    }

    override func wrap(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        try encrypt(request, .wrap, reply)
    }

    override func decrypt(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        try run(request, .decrypt, reply) { algorithm, key, job in crypto_decrypt(algorithm, key, job) }
    }

    override func unwrap(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        try run(request, .unwrap, reply) { algorithm, key, job in crypto_decrypt(algorithm, key, job) }
    }

    override func sign(_ request: UnsafePointer<octavo_crypto_request>, _ reply: CryptoReply) throws(PluginError) {
        try run(request, .sign, reply) { algorithm, key, job in crypto_sign(algorithm, key, job) }
    }

    override func verify(_ request: UnsafePointer<octavo_crypto_request>, _ reply: VerifyReply) throws(PluginError) {
        let (algorithm, key) = try prepare(request, .verify)
        var valid: Int32 = 0
        let end = crypto_verify(algorithm, key.raw, request.pointee.data, request.pointee.signature, &valid)
        guard end == CRYPTO_DONE else { throw Refusal.error(end, algorithm, request, .verify) }
        reply.valid(valid != 0)
    }

    private func encrypt(
        _ request: UnsafePointer<octavo_crypto_request>, _ use: Key.Use, _ reply: CryptoReply
    ) throws(PluginError) {
        try run(request, use, reply) { algorithm, key, job in crypto_encrypt(algorithm, key, job) }
    }

    /// Key and algorithm of a request, which fit the operation.
    private func prepare(
        _ request: UnsafePointer<octavo_crypto_request>, _ use: Key.Use
    ) throws(PluginError) -> (UnsafePointer<crypto_algorithm>, Key) {
        guard let algorithm = crypto_algorithm_named(request.pointee.algorithm),
            (algorithm.pointee.uses & UInt32(CRYPTO_FOR_SIGNING) != 0) == (use == .sign || use == .verify)
        else { throw Refusal.unknownAlgorithm(request.pointee.algorithm, use) }
        let key = try key(request.pointee.name, request.pointee.version)
        guard key.permits(use) else {
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The key \(request.pointee.name.string) says by use or key_ops that it is not for \(Str(use.word).string).",
                reason: "KEY_USE")
        }
        guard key.permits(Str(UnsafeRawPointer(algorithm.pointee.name), strlen(algorithm.pointee.name))) else {
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The key \(request.pointee.name.string) says by alg that it is for another algorithm.", reason: "KEY_USE")
        }
        return (algorithm, key)
    }

    /// These keys have no versions.
    func key(_ name: Str, _ version: Str) throws(PluginError) -> Key {
        guard version.isEmpty else {
            throw .invalid("Keys of this component have no versions; name the key alone.")
        }
        guard !name.isEmpty else { throw .invalid("The name of the key is empty.") }
        return try key(name)
    }

    private func run(
        _ request: UnsafePointer<octavo_crypto_request>, _ use: Key.Use, _ reply: CryptoReply,
        _ body: (UnsafePointer<crypto_algorithm>, OpaquePointer, UnsafeMutablePointer<crypto_job>) -> Int32
    ) throws(PluginError) {
        let (algorithm, key) = try prepare(request, use)
        let room = crypto_room(algorithm, key.raw, Int(min(request.pointee.data.size, 1 << 31)))
        guard let out = reply.call.replyBuffer(room) else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no memory for a reply of \(room) bytes.")
        }
        let start = out.baseAddress!.assumingMemoryBound(to: UInt8.self)
        var job = crypto_job()
        job.data = request.pointee.data
        job.nonce = request.pointee.nonce
        job.tag = request.pointee.tag
        job.associated_data = request.pointee.associated_data
        job.out = start
        let end = body(algorithm, key.raw, &job)
        guard end == CRYPTO_DONE else {
            crypto_wipe(out.baseAddress!, room)
            throw Refusal.error(end, algorithm, request, use)
        }
        let hasTag = algorithm.pointee.tag_size > 0 && (use == .encrypt || use == .wrap)
        withUnsafeBytes(of: &job.tag_out) { tag in
            reply.data(
                Bytes(UnsafeRawPointer(start), job.written),
                tag: hasTag ? Bytes(tag.baseAddress!, Int(algorithm.pointee.tag_size)) : .absent)
        }
    }

    override func algorithms(_ reply: AlgorithmsReply) throws(PluginError) {
        var names: [[octavo_str]] = [[], [], []]
        var index = 0
        while let algorithm = crypto_algorithm_at(index) {
            let name = Str(UnsafeRawPointer(algorithm.pointee.name), strlen(algorithm.pointee.name))
            for use in 0..<3 where algorithm.pointee.uses & (1 << UInt32(use)) != 0 { names[use].append(name) }
            index += 1
        }
        names[0].withUnsafeBufferPointer { encryption in
            names[1].withUnsafeBufferPointer { wrapping in
                names[2].withUnsafeBufferPointer { reply.names(encryption: encryption, wrapping: wrapping, signing: $0) }
            }
        }
    }
}

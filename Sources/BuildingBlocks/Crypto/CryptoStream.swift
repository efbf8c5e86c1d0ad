import COctavo
import COpenSSL
package import Components

/// Who takes what a `CryptoStream` makes. On its event loop.
package protocol CryptoStreamOutput: AnyObject {
    /// The next bytes; valid during the call.
    func write(_ bytes: UnsafeRawBufferPointer)
    /// What was held until the component had answered has been worked on: more may come.
    func resumed()
    /// Everything has been written.
    func finished()
    /// Nothing more is written.
    func failed(_ failure: CryptoFailure)
}

/// A message on its way through encryption or decryption in Dapr's scheme. It holds one segment, and while the component
/// wraps or unwraps the key of the message what has come until then. On one event loop.
package final class CryptoStream {
    /// What to encrypt with.
    package struct Encryption {
        package var key: String
        /// As the API takes it: a name of JWA, `AES` or `RSA`.
        package var wrapAlgorithm: String
        /// Empty for AES-GCM.
        package var cipher: String
        package var omitsKeyName: Bool
        /// Of the key that decrypts, when it is another one; else empty.
        package var decryptionKey: String

        package init(key: String, wrapAlgorithm: String, cipher: String = "", omitsKeyName: Bool = false, decryptionKey: String = "") {
            self.key = key
            self.wrapAlgorithm = wrapAlgorithm
            self.cipher = cipher
            self.omitsKeyName = omitsKeyName
            self.decryptionKey = decryptionKey
        }
    }

    private enum State {
        /// Of decryption: its lines are being collected.
        case header
        /// The component has been asked for the key; what comes is held.
        case waiting
        case segments(SegmentCipher)
        case ended
    }

    private let api: CryptoAPI
    private let component: ComponentRef
    private let deadline: Int64
    private var state: State
    private var cutter: SegmentCutter
    private var held: [UInt8] = []
    private var hasEnded = false
    /// Of the key that the request names; empty when the message is to name it.
    private let keyName: String
    private unowned let output: any CryptoStreamOutput

    /// Whether what is added now is held: the sender should wait for `resumed`.
    package var isWaiting: Bool { if case .waiting = state { true } else { false } }

    private init(
        _ api: CryptoAPI, _ component: ComponentRef, _ output: any CryptoStreamOutput, _ keyName: String, _ deadline: Int64,
        segment: Int, _ state: State
    ) {
        self.api = api
        self.component = component
        self.output = output
        self.keyName = keyName
        self.deadline = deadline
        self.state = state
        cutter = SegmentCutter(size: segment)
    }

    // MARK: Beginning

    /// Begins to encrypt. `output` must outlive the stream.
    package static func encrypting(
        _ api: CryptoAPI, _ component: ComponentRef, _ options: Encryption, deadline: Int64, output: any CryptoStreamOutput
    ) throws(CryptoFailure) -> CryptoStream {
        guard let wrap = WrapAlgorithm(named: options.wrapAlgorithm) else {
            let known = WrapAlgorithm.allCases.map(\.name).joined(separator: ", ")
            throw .request("the key wrap algorithm \(options.wrapAlgorithm) is not known; there are \(known), AES and RSA")
        }
        guard let cipher = DataCipher(named: options.cipher) else {
            throw .request("the data encryption cipher \(options.cipher) is not known; there are aes-gcm and chacha20-poly1305")
        }
        let stream = CryptoStream(
            api, component, output, options.key, deadline, segment: SegmentCipher.segmentSize, .waiting)
        try stream.wrap(options, wrap, cipher)
        return stream
    }

    /// Begins to decrypt with the key of that name, or, when it is empty, with the one that the message names.
    package static func decrypting(
        _ api: CryptoAPI, _ component: ComponentRef, key: String, deadline: Int64, output: any CryptoStreamOutput
    ) -> CryptoStream {
        CryptoStream(
            api, component, output, key, deadline, segment: SegmentCipher.segmentSize + SegmentCipher.tagSize, .header)
    }

    private func wrap(_ options: Encryption, _ wrap: WrapAlgorithm, _ cipher: DataCipher) throws(CryptoFailure) {
        var prefix = [UInt8](repeating: 0, count: SchemeHeader.noncePrefixSize)
        guard let key = FileKey(), RAND_bytes(&prefix, Int32(prefix.count)) == 1 else {
            throw .data("OpenSSL has no random numbers")
        }
        let named = options.omitsKeyName ? "" : options.decryptionKey.isEmpty ? options.key : options.decryptionKey
        let operation = CryptoOperation(key: options.key, algorithm: wrap.name, data: key.bytes, nonce: wrap.nonce)
        api.run(component, OCTAVO_CRYPTO_OP_WRAP, operation, deadline: deadline) { [weak self] result in
            guard let self, case .waiting = state else { return }
            switch result {
            case .failure(let failure): fail(failure)
            case .success(let wrapped):
                let header = SchemeHeader(
                    keyName: named, wrapAlgorithm: wrap, wrappedKey: wrapped.data, cipher: cipher, noncePrefix: prefix)
                guard let text = header.signed(with: key) else {
                    return fail(.request("the names of the keys make a header of more than \(SchemeHeader.sizeLimit) bytes"))
                }
                guard let segments = SegmentCipher(cipher, key, noncePrefix: prefix, seals: true) else {
                    return fail(.data("OpenSSL lacks memory or the cipher \(cipher.name)"))
                }
                text.withUnsafeBytes { output.write($0) }
                resume(segments)
            }
        }
    }

    // MARK: Input

    /// Takes the next part of the message.
    package func add(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .ended: return
        case .waiting: held.append(contentsOf: bytes)
        case .header:
            held.append(contentsOf: bytes)
            readHeader()
        case .segments(let cipher):
            work { () throws(SegmentCipher.Failure) in
                try cutter.add(bytes) { (segment) throws(SegmentCipher.Failure) in
                    try cipher.next(segment, isLast: false) { output.write($0) }
                }
            }
        }
    }

    /// The message is complete.
    package func end() {
        hasEnded = true
        switch state {
        case .ended, .waiting: return
        case .header: fail(.data(held.isEmpty ? "there is no data" : "the data ends inside of its header"))
        case .segments(let cipher):
            work { () throws(SegmentCipher.Failure) in
                try cutter.end { (segment) throws(SegmentCipher.Failure) in
                    try cipher.next(segment, isLast: true) { output.write($0) }
                }
            }
            guard case .segments = state else { return }
            state = .ended
            output.finished()
        }
    }

    /// Nobody waits any more.
    package func cancel() {
        state = .ended
        held = []
    }

    // MARK: Decryption

    private func readHeader() {
        let header: SchemeHeader
        do throws(SchemeHeader.Malformed) {
            let result = held.withUnsafeBytes { bytes -> Result<(SchemeHeader, Int)?, SchemeHeader.Malformed> in
                do throws(SchemeHeader.Malformed) {
                    guard let end = try SchemeHeader.end(in: bytes) else { return .success(nil) }
                    return .success((try SchemeHeader(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<end])), end))
                } catch { return .failure(error) }
            }
            guard let (found, end) = try result.get() else { return }
            header = found
            held.removeFirst(end)
        } catch {
            return fail(.data(error.cause))
        }
        let name = keyName.isEmpty ? header.keyName : keyName
        guard !name.isEmpty else {
            return fail(.request("the message does not name the key that decrypts it; name it in the request"))
        }
        state = .waiting
        let operation = CryptoOperation(
            key: name, algorithm: header.wrapAlgorithm.name, data: header.wrappedKey, nonce: header.wrapAlgorithm.nonce)
        api.run(component, OCTAVO_CRYPTO_OP_UNWRAP, operation, deadline: deadline) { [weak self] result in
            guard let self, case .waiting = state else { return }
            unwrapped(result, header, name)
        }
    }

    private func unwrapped(_ result: Result<CryptoAPI.Output, CryptoFailure>, _ header: SchemeHeader, _ name: String) {
        // That the component could not answer is told; what it answered about the key is not (see `FileKey`).
        if case .failure(.component(_, let error)) = result, CryptoStream.isOutage(error), case .failure(let failure) = result {
            return fail(failure)
        }
        let key = FileKey(unwrapped: try? result.get().data)
        guard key.signed(header) else {
            return fail(
                .data(
                    "the header is not authentic for the key \(name): it was encrypted for another key, the component has no "
                        + "such key, or it has been changed"))
        }
        guard let cipher = SegmentCipher(header.cipher, key, noncePrefix: header.noncePrefix, seals: false) else {
            return fail(.data("OpenSSL lacks memory or the cipher \(header.cipher.name)"))
        }
        resume(cipher)
    }

    private static func isOutage(_ error: CallError) -> Bool {
        [OCTAVO_CODE_UNAVAILABLE, OCTAVO_CODE_DEADLINE_EXCEEDED, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_CODE_UNIMPLEMENTED]
            .contains(error.code)
    }

    // MARK: Segments

    private func resume(_ cipher: SegmentCipher) {
        state = .segments(cipher)
        let bytes = held
        held = []
        bytes.withUnsafeBytes { add($0) }
        guard case .segments = state else { return }
        if hasEnded { end() } else { output.resumed() }
    }

    private func work(_ body: () throws(SegmentCipher.Failure) -> Void) {
        do throws(SegmentCipher.Failure) { try body() } catch {
            switch error {
            case .notAuthentic:
                fail(.data("a segment of the data is not authentic: it was changed, moved, cut or added"))
            case .tooLong: fail(.data("the data is larger than 256 TiB"))
            case .unavailable: fail(.data("OpenSSL lacks memory"))
            }
        }
    }

    private func fail(_ failure: CryptoFailure) {
        if case .ended = state { return }
        state = .ended
        held = []
        output.failed(failure)
    }
}

import BuildingBlocks
import NIOCore
import Transport

/// The body of a request that is encrypted or decrypted as it comes. What comes of it is kept until the body is complete,
/// so that the answer has a status that is true, and clients that send everything before they read get it; beyond
/// `keptLimit` the answer begins while the body comes, a fault breaks it off, and the client must read meanwhile.
final class CryptoBody: HTTPBodyReceiver, CryptoStreamOutput {
    /// As large as the bodies that are taken whole by default.
    private static let keptLimit = 4 << 20
    private static let headers = [("content-type", "application/octet-stream")]

    /// Set as soon as it has begun.
    var stream: CryptoStream?
    private let request: HTTPRequest
    private var kept = ByteBuffer()
    private var hasStarted = false
    private var isWritable = true
    private var owesCredit = false

    init(_ request: HTTPRequest) {
        self.request = request
        request.onCancel = { [weak self] _ in self?.stream?.cancel() }
        request.onWritable = { [weak self] in
            self?.isWritable = true
            self?.goOn()
        }
    }

    // MARK: Receiving

    func receive(_ bytes: ByteBuffer) {
        guard let stream else { return }
        bytes.withUnsafeReadableBytes { stream.add($0) }
        owesCredit = true
        goOn()
    }

    func end() { stream?.end() }

    private func goOn() {
        guard owesCredit, isWritable, !request.isEnded, let stream, !stream.isWaiting else { return }
        owesCredit = false
        request.requestMore()
    }

    // MARK: Sending

    func write(_ bytes: UnsafeRawBufferPointer) {
        if !hasStarted {
            if kept.readableBytes + bytes.count <= CryptoBody.keptLimit, request.hold(bytes.count) {
                kept.writeBytes(bytes)
                return
            }
            hasStarted = true
            request.respondHead(status: 200, headers: CryptoBody.headers)
            if kept.readableBytes > 0 { isWritable = request.write(kept) }
            kept = ByteBuffer()
        }
        // The last word counts: below the high-water mark `onWritable` does not come.
        isWritable = request.write(ByteBuffer(bytes: bytes))
    }

    func resumed() { goOn() }

    func finished() {
        if hasStarted {
            request.end()
        } else {
            request.respond(status: 200, headers: CryptoBody.headers, body: kept)
        }
    }

    func failed(_ failure: CryptoFailure) {
        if hasStarted { request.abort() } else { request.fail(APIError(failure)) }
    }
}

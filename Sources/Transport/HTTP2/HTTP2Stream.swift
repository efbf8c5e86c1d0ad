import CNGHTTP2
import NIOCore

/// One request stream of an HTTP/2 connection: the head as it comes in, the bytes that wait to go out.
///
/// Confined to its event loop, used again for later streams. See `HTTP2Callbacks.swift` for who owns it.
final class HTTP2Stream {
    enum Encoding { case identity, gzip, unknown }
    enum Method { case missing, post, other }
    /// What a finished body is followed by.
    enum Ending { case open, endStream, okTrailers, trailers }

    /// The connection while the stream is open. Unsafe because counting this reference on each use costs more than
    /// what it guards: the connection holds its streams and clears this field before it lets go of them.
    unowned(unsafe) var connection: HTTP2Connection?
    var id: Int32 = 0
    /// Its place in `HTTP2Connection.streams`.
    var slot = 0

    // The head.
    var headers = HeaderFields()
    var headerBytes = 0
    var path: [UInt8] = []
    var method = Method.missing
    var methodName = ""
    var isSecureScheme = false
    /// It is to be a WebSocket (RFC 8441 §4).
    var isWebSocket = false
    var isGRPC = false
    var acceptsGzip = false
    var encoding = Encoding.identity
    var timeout: GRPCTimeout?
    var isHeadComplete = false
    /// Too many or too large header fields: the rest is dropped and the request refused.
    var isOversized = false

    // Who reads it: one of the two, or neither when the rest of the body is thrown away.
    var call: GRPCCall?
    var request: HTTPRequest?
    /// Whether the peer has sent END_STREAM.
    var isInputEnded = false
    /// When a byte of the body came last, to within a tick.
    var lastInput = NIODeadline.uptimeNanoseconds(0)

    // What goes out.
    var outgoing = ByteBuffer()
    var ending = Ending.open
    var trailers: HeaderBatch?
    var isHeadSent = false
    /// nghttp2 has been told that there is nothing to send at the moment.
    var isDeferred = false
    /// `send` has returned false and the receiver is owed a `writable()`.
    var isAboveHighWater = false
    /// The outgoing bytes have fallen below the low-water mark since.
    var owesWritable = false
    /// When outgoing bytes last moved, to within a tick.
    var lastOutput = NIODeadline.uptimeNanoseconds(0)
    /// Work for the end of the turn: messages to deliver or a `writable()` to call.
    var needsTurn = false

    func reset() {
        connection = nil
        headers.clear()
        headerBytes = 0
        path.removeAll(keepingCapacity: path.capacity <= 1024)
        method = .missing
        methodName = ""
        isSecureScheme = false
        isWebSocket = false
        isGRPC = false
        acceptsGzip = false
        encoding = .identity
        timeout = nil
        isHeadComplete = false
        isOversized = false
        isInputEnded = false
        if outgoing.capacity > 64 << 10 { outgoing = ByteBuffer() } else { outgoing.clear() }
        ending = .open
        if trailers != nil { trailers = nil }
        isHeadSent = false
        isDeferred = false
        isAboveHighWater = false
        owesWritable = false
        needsTurn = false
    }

    // MARK: Sending

    /// Sends the head from memory that lives as long as the process, with the body that `outgoing` will hold.
    func submitHead(_ fields: UnsafeMutableBufferPointer<nghttp2_nv>) {
        submit(fields.baseAddress, fields.count, hasBody: true)
    }

    /// Sends the head; without a body it ends the stream.
    func submitHead(_ fields: borrowing HeaderBatch, hasBody: Bool) {
        fields.withFields { submit($0.baseAddress, $0.count, hasBody: hasBody) }
    }

    private func submit(_ fields: UnsafeMutablePointer<nghttp2_nv>?, _ count: Int, hasBody: Bool) {
        guard !isHeadSent, let connection, let session = connection.session else { return }
        isHeadSent = true
        lastOutput = connection.loop.now
        let result: Int32
        if hasBody {
            var provider = nghttp2_data_provider()
            provider.source.ptr = Unmanaged.passUnretained(self).toOpaque()
            provider.read_callback = readOutgoing
            result = nghttp2_submit_response(session, id, fields, count, &provider)
        } else {
            result = nghttp2_submit_response(session, id, fields, count, nil)
            if !isInputEnded { connection.hasEarlyAnswers = true }
        }
        if result != 0 { reset(withCode: NGHTTP2_INTERNAL_ERROR) }
        connection.markDirty()
    }

    /// The answer is complete before the request: once it is out, the peer need not send the rest (RFC 9113 §8.1).
    func stopInput() {
        if !isInputEnded { connection?.hasEarlyAnswers = true }
    }

    /// The last frame of the answer is out.
    func answered() {
        guard !isInputEnded, let session = connection?.session else { return }
        nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, UInt32(NGHTTP2_NO_ERROR.rawValue))
    }

    /// There is more in `outgoing`, or `ending` has been set.
    func resume() {
        guard let connection else { return }
        if isDeferred, let session = connection.session {
            isDeferred = false
            lastOutput = connection.loop.now
            nghttp2_session_resume_data(session, id)
        }
        connection.markDirty()
    }

    /// Sends RST_STREAM with an error code of RFC 9113 §7.
    func reset(withCode code: nghttp2_error_code) {
        guard let connection, let session = connection.session else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, UInt32(code.rawValue))
        connection.markDirty()
    }

    /// Tells the peer that `count` bytes of the body have been used and more may come.
    func consume(_ count: Int) {
        guard count > 0, let connection, let session = connection.session else { return }
        nghttp2_session_consume_stream(session, id, count)
        if !connection.isReceiving { connection.markDirty() }
    }
}

import NIOCore

/// The receiving half of a call: cuts what comes in into messages.
///
/// A message that lies whole in what the network brought is handed on where it lies; only a part of one is copied.
extension GRPCCall {
    /// Whether the transport waits for the rest of a message that was announced, or of a unary request.
    var awaitsBody: Bool {
        guard !isEnded else { return true }
        if case .unary? = method?.kind { return !isInputDelivered }
        return inbox.readableBytes > 0 && credits > 0
    }

    /// Lets `count` more messages come in. A stream starts with credit for one message, so that a server-streaming
    /// method needs none; without credit, bytes stay unconsumed and HTTP/2 flow control holds the peer back.
    /// Messages that already arrived are delivered later in the same turn of the event loop, not from inside this.
    package func requestMore(_ count: Int) {
        guard count > 0, !isEnded, let stream, let connection = stream.connection else { return }
        let sum = credits.addingReportingOverflow(count)
        credits = sum.overflow ? .max : sum.partialValue
        if inbox.readableBytes > 0 || unconsumed > 0 { connection.needsTurn(stream) }
    }

    /// Counts bytes that the receiver keeps for this call, until it ends, among those that the event loop holds for all of
    /// its connections. When that would be too many, the call has been refused by the time this returns false.
    package func hold(_ count: Int) -> Bool {
        guard !isEnded else { return false }
        guard loop.hold(count) else {
            refuseForSpace()
            return false
        }
        held += count
        return true
    }

    private func refuseForSpace() {
        loop.count(.outOfBuffers)
        refuse(
            GRPCStatus(
                .resourceExhausted,
                "The server holds \(loop.limits.maxBufferedBytes) bytes of requests already; try again later."))
    }

    func receive(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        guard !isEnded, let stream else {
            self.stream?.consume(bytes.count)
            return
        }
        if case .unary(let handler)? = method?.kind {
            receiveUnary(bytes, inLastFrame, handler, stream)
        } else {
            receiveStreaming(bytes, stream)
        }
    }

    func receiveEnd() {
        guard !isEnded, !isInputDelivered else { return }
        if case .unary(let handler)? = method?.kind {
            finishUnary(handler)
        } else {
            deliver()
        }
    }

    func turn() {
        guard !isEnded, let stream else { return }
        deliver()
        if !isEnded, !stream.isAboveHighWater, stream.owesWritable {
            stream.owesWritable = false
            receiver?.writable()
        }
    }

    // MARK: Unary

    private func receiveUnary(
        _ bytes: UnsafeRawBufferPointer, _ inLastFrame: Bool, _ handler: GRPCRouter.UnaryHandler, _ stream: HTTP2Stream
    ) {
        if inLastFrame, inbox.readableBytes == 0, !isInputDelivered, bytes.count >= 5, bytes[0] == 0,
            Self.messageLength(bytes) == bytes.count - 5, bytes.count - 5 <= loop.limits.maxBodySize
        {
            isInputDelivered = true
            receivedBytes = bytes.count - 5
            // nghttp2 will say so after this; an answer from inside the handler must know it already.
            stream.isInputEnded = true
            handler(self, UnsafeRawBufferPointer(rebasing: bytes[5...]))
            return
        }
        guard !isInputDelivered else { return refuseExtraMessage() }
        guard store(bytes) else { return }
        stream.consume(bytes.count)
    }

    private func finishUnary(_ handler: GRPCRouter.UnaryHandler) {
        isInputDelivered = true
        let view = inbox
        view.withUnsafeReadableBytes { bytes in
            guard bytes.count >= 5 else {
                return refuseMalformed("The call ended without a complete request message.")
            }
            let length = Self.messageLength(bytes)
            guard bytes.count - 5 >= length else {
                return refuseMalformed("The request message ended after \(bytes.count - 5) of \(length) bytes.")
            }
            guard bytes.count - 5 == length else { return refuseExtraMessage() }
            withMessage(bytes[0], UnsafeRawBufferPointer(rebasing: bytes[5...])) { handler(self, $0) }
        }
    }

    private func refuseExtraMessage() {
        loop.count(.malformedGRPC)
        refuse(GRPCStatus(.unimplemented, "The method \(path) takes one request message; more than one came."))
    }

    // MARK: Streaming

    private func receiveStreaming(_ bytes: UnsafeRawBufferPointer, _ stream: HTTP2Stream) {
        var rest = bytes
        while inbox.readableBytes == 0, credits > 0, !isEnded, rest.count >= 5, let length = checkedLength(rest),
            rest.count - 5 >= length
        {
            handOn(rest[0], UnsafeRawBufferPointer(rebasing: rest[5..<5 + length]))
            rest = UnsafeRawBufferPointer(rebasing: rest[(5 + length)...])
        }
        guard !isEnded else { return }
        stream.consume(bytes.count - rest.count)
        guard !rest.isEmpty, store(rest) else { return }
        unconsumed += rest.count
        deliver()
    }

    /// Hands on what is complete and has credit; then tells the peer how much room there is.
    private func deliver() {
        while credits > 0, !isEnded, inbox.readableBytes >= 5 {
            // The copy shares the memory and keeps it in place while the receiver uses it.
            let view = inbox
            let taken = view.withUnsafeReadableBytes { bytes -> Int in
                guard let length = checkedLength(bytes), bytes.count - 5 >= length else { return 0 }
                inbox.moveReaderIndex(forwardBy: 5 + length)
                handOn(bytes[0], UnsafeRawBufferPointer(rebasing: bytes[5..<5 + length]))
                return 5 + length
            }
            if taken == 0 { break }
            release(taken)
        }
        guard !isEnded, let stream else { return }
        if credits > 0 {
            let count = unconsumed
            unconsumed = 0
            stream.consume(count)
        }
        guard stream.isInputEnded, !isInputDelivered else { return }
        if inbox.readableBytes == 0 {
            isInputDelivered = true
            receiver?.end()
        } else if !hasCompleteMessage {
            refuseMalformed("The stream ended inside of a message.")
        }
    }

    private var hasCompleteMessage: Bool {
        inbox.withUnsafeReadableBytes { $0.count >= 5 && $0.count - 5 >= Self.messageLength($0) }
    }

    private func handOn(_ flag: UInt8, _ message: UnsafeRawBufferPointer) {
        credits -= 1
        guard let receiver else { return }
        withMessage(flag, message) { receiver.receive($0) }
    }

    // MARK: Pieces

    private static func messageLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    }

    /// The length of the message at the start of `bytes`; nil, and the call ended, when it is not acceptable.
    private func checkedLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let length = Self.messageLength(bytes)
        guard length <= loop.limits.maxBodySize else {
            refuseTooLarge("The message of \(length) bytes")
            return nil
        }
        guard bytes[0] <= 1 else {
            refuseMalformed("The message has the compression flag \(bytes[0]); only 0 and 1 exist.")
            return nil
        }
        return length
    }

    /// Keeps part of a message; false, and the call ended, when it is too large.
    private func store(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard hold(bytes.count) else { return false }
        if inbox.readableBytes == 0 { inbox.clear() }
        inbox.writeBytes(bytes)
        if inbox.readableBytes >= 5 { return inbox.withUnsafeReadableBytes { checkedLength($0) } != nil }
        return true
    }

    /// Takes back `hold`.
    package func release(_ count: Int) {
        // Zero when the call ended meanwhile, which released everything.
        let count = min(count, held)
        held -= count
        loop.release(count)
    }

    /// Runs `body` on the message, decompressed if it has to be.
    private func withMessage(
        _ flag: UInt8, _ message: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        guard flag == 1 else {
            guard flag == 0 else { return refuseMalformed("The compression flag is \(flag).") }
            receivedBytes &+= message.count
            return body(message)
        }
        guard stream?.encoding == .gzip else {
            return refuseMalformed("The message is compressed but grpc-encoding names no compression.")
        }
        switch Gzip.decompress(message, limit: loop.limits.maxBodySize) {
        case .success(let plain):
            receivedBytes &+= plain.readableBytes
            plain.withUnsafeReadableBytes(body)
        case .failure(.tooLarge): refuseTooLarge("The decompressed message")
        case .failure(.malformed): refuseMalformed("The message is not valid gzip.")
        }
    }

    private func refuseTooLarge(_ what: String) {
        loop.count(.bodyTooLarge)
        refuse(
            GRPCStatus(
                .resourceExhausted,
                "\(what) exceeds the limit of \(loop.limits.maxBodySize) bytes; raise it with --max-body-size."))
    }

    private func refuseMalformed(_ text: String) {
        loop.count(.malformedGRPC)
        refuse(GRPCStatus(.internal, text))
    }
}

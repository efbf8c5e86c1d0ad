import NIOCore

/// The body as it comes in. Used by the connection.
extension HTTPRequest {
    /// Whether the transport waits for the rest of the body on behalf of a handler that wants it whole.
    var awaitsBody: Bool { !isBodyComplete && upgrade == .none && (receiver == nil || mayDeliver) }

    /// The head is in. `isComplete` when no body follows.
    func open(isComplete: Bool) {
        isBodyComplete = isComplete
        if let length = headers["content-length" as StaticString].flatMap({ Int($0) }) { announcedLength = length }
        switch handler.open(self) {
        case .streamed(let receiver):
            if !isEnded { self.receiver = receiver }
        case .buffered where upgrade == .offered && version == .http2:
            // There is no request but the upgrade.
            if !isEnded { refuse(status: 501, "There is no WebSocket at this path; an app's are at /v1.0/invoke/<app-id>/method/<path>.") }
        case .buffered:
            // Passed over, unless it is answered already.
            if !isEnded { upgrade = .none }
            if !isEnded, announcedLength > loop.limits.maxBodySize { refuseTooLarge() }
        }
        let expects = headers.withValue("expect") { $0.count == 12 && $0.last == UInt8(ascii: "e") } ?? false
        if expects, !isComplete, answer == .none, version != .http1_0 { responder?.sendContinue(self) }
    }

    func receive(_ bytes: ByteBuffer) {
        receivedBytes &+= bytes.readableBytes
        guard !isEnded, !isDiscarding else {
            discarded += bytes.readableBytes
            responder?.consumed(self, bytes.readableBytes)
            return
        }
        // Ahead of the answer to an upgrade: it waits for that.
        if upgrade == .offered {
            parked.writeImmutableBuffer(bytes)
            return
        }
        if receiver != nil { receiveStreamed(bytes) } else { receiveBuffered(bytes) }
    }

    func receiveEnd() {
        if upgrade == .offered, isBodyDelivered { isEarlyInputEnded = true }
        isBodyComplete = true
        guard !isEnded, !isBodyDelivered else { return }
        if receiver != nil {
            deliverStreamed()
        } else if !isDiscarding {
            isBodyDelivered = true
            handler.handle(self)
        }
    }

    func turn() {
        if !isEnded { deliverStreamed() }
    }

    private func receiveBuffered(_ bytes: ByteBuffer) {
        guard body.readableBytes + bytes.readableBytes <= loop.limits.maxBodySize else { return refuseTooLarge() }
        guard loop.hold(bytes.readableBytes) else {
            loop.count(.outOfBuffers)
            return refuse(status: 503, "The server holds too many bytes of requests already; try again later.")
        }
        held += bytes.readableBytes
        let count = bytes.readableBytes
        if body.readableBytes == 0 {
            body = bytes
            let missing = min(announcedLength, loop.limits.maxBodySize) - count
            if missing > 0 { body.reserveCapacity(minimumWritableBytes: missing) }
        } else {
            body.writeImmutableBuffer(bytes)
        }
        responder?.consumed(self, count)
    }

    private func receiveStreamed(_ bytes: ByteBuffer) {
        parked.writeImmutableBuffer(bytes)
        deliverStreamed()
    }

    private func deliverStreamed() {
        guard let receiver else { return }
        if mayDeliver, parked.readableBytes > 0 {
            mayDeliver = false
            let part = parked
            parked = ByteBuffer()
            responder?.consumed(self, part.readableBytes)
            receiver.receive(part)
        }
        guard isBodyComplete, parked.readableBytes == 0, !isBodyDelivered, self.receiver != nil else { return }
        isBodyDelivered = true
        receiver.end()
    }

    private func refuseTooLarge() {
        loop.count(.bodyTooLarge)
        refuse(
            status: 413,
            "The request body exceeds the limit of \(loop.limits.maxBodySize) bytes; raise it with --max-body-size.")
    }
}

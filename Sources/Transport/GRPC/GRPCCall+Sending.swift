import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// The answering half of a call.
extension GRPCCall {
    /// Ends a unary or client-streaming call with `message` and status OK.
    package func reply(_ message: UnsafeRawBufferPointer) {
        reply(size: message.count) { target in
            if message.count > 0 { target.copyMemory(from: message) }
        }
    }

    /// Ends a unary or client-streaming call with a message of `size` bytes that `fill` writes in place into the
    /// outgoing buffer, and status OK. `fill` must write every byte and must not use the call.
    package func reply(size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        guard let stream, !isEnded, write(size, to: stream, fill) else { return }
        finish()
    }

    /// Sends one message of a streaming call, and the initial metadata before the first. Returns false when the
    /// outgoing buffer is above its high-water mark: the message is taken nevertheless, but nothing more
    /// should be sent before `GRPCStreamReceiver.writable()`. A call whose buffer exceeds the hard limit fails
    /// with `RESOURCE_EXHAUSTED`.
    @discardableResult
    package func send(_ message: UnsafeRawBufferPointer) -> Bool {
        send(size: message.count) { target in
            if message.count > 0 { target.copyMemory(from: message) }
        }
    }

    /// Like `send(_:)`, encoded in place.
    @discardableResult
    package func send(size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        guard let stream, !isEnded else { return false }
        guard stream.outgoing.readableBytes + size <= loop.limits.maxSendBuffer else {
            refuse(
                GRPCStatus(
                    .resourceExhausted, "The caller reads too slowly: \(loop.limits.maxSendBuffer) bytes wait for it."))
            return false
        }
        guard write(size, to: stream, fill) else { return false }
        submitHead(stream)
        stream.resume()
        guard stream.outgoing.readableBytes > loop.limits.sendHighWater else { return true }
        stream.isAboveHighWater = true
        return false
    }

    /// Sends the initial metadata now instead of with the first message.
    package func sendInitialMetadata() {
        guard let stream, !isEnded else { return }
        submitHead(stream)
    }

    /// Ends a streaming call with status OK after what has been sent.
    package func finish() {
        guard let stream, !isEnded else { return }
        if hasReplyMetadata, !trailingMetadata.isEmpty {
            stream.trailers = trailers(.ok)
            stream.ending = .trailers
        } else {
            stream.ending = .okTrailers
        }
        if stream.isHeadSent { stream.resume() } else { submitHead(stream) }
        ended(.ok)
    }

    /// Ends the call with a status other than OK (OK counts as `finish()`).
    package func fail(_ status: GRPCStatus) {
        guard let stream, !isEnded else { return }
        guard status.code != .ok else { return finish() }
        if stream.isHeadSent {
            stream.trailers = trailers(status)
            stream.ending = .trailers
            stream.resume()
        } else {
            // Trailers-only (gRPC: PROTOCOL-HTTP2.md, Responses).
            stream.outgoing.clear()
            var fields = HeaderBatch(first: StaticHeaders.shared.grpcHead)
            fields.append(initialMetadata)
            append(status, to: &fields)
            stream.submitHead(fields, hasBody: false)
        }
        ended(status.code)
    }

    // MARK: Headers

    private var compresses: Bool { stream?.acceptsGzip ?? false }

    private func submitHead(_ stream: HTTP2Stream) {
        guard !stream.isHeadSent else { return }
        if hasReplyMetadata, !initialMetadata.isEmpty {
            var fields = HeaderBatch(first: compresses ? StaticHeaders.shared.grpcGzipHead : StaticHeaders.shared.grpcHead)
            fields.append(initialMetadata)
            stream.submitHead(fields, hasBody: true)
        } else {
            stream.submitHead(compresses ? StaticHeaders.shared.grpcGzipHead : StaticHeaders.shared.grpcHead)
        }
    }

    private func trailers(_ status: GRPCStatus) -> HeaderBatch {
        guard status.code != .ok else {
            var fields = HeaderBatch(first: StaticHeaders.shared.okTrailers)
            fields.append(trailingMetadata)
            return fields
        }
        var fields = HeaderBatch()
        append(status, to: &fields)
        return fields
    }

    private func append(_ status: GRPCStatus, to fields: inout HeaderBatch) {
        fields.append(known: "grpc-status", String(status.code.rawValue))
        if !status.message.isEmpty {
            fields.append(known: "grpc-message", PercentEncoding.encode(status.message, limit: 8 << 10))
        }
        if !status.details.isEmpty, status.details.count <= 16 << 10 {
            fields.append(known: "grpc-status-details-bin", Base64.encode(status.details))
        }
        fields.append(trailingMetadata)
    }

    // MARK: Messages

    /// Frames one message (gRPC: PROTOCOL-HTTP2.md, Length-Prefixed-Message) into the outgoing buffer.
    private func write(_ size: Int, to stream: HTTP2Stream, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        guard size <= loop.limits.maxReplySize else {
            fail(
                GRPCStatus(
                    .resourceExhausted,
                    "The reply of \(size) bytes exceeds the limit of \(loop.limits.maxReplySize) bytes."))
            return false
        }
        sentBytes &+= size
        if stream.acceptsGzip, size >= loop.limits.compressionThreshold, writeCompressed(size, to: stream, fill) {
            return true
        }
        stream.outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: size + 5) { target in
            target[0] = 0
            target.storeBytes(of: UInt32(size).bigEndian, toByteOffset: 1, as: UInt32.self)
            fill(UnsafeMutableRawBufferPointer(rebasing: target[5..<5 + size]))
            return size + 5
        }
        return true
    }

    private func writeCompressed(
        _ size: Int, to stream: HTTP2Stream, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        var plain = ByteBufferAllocator().buffer(capacity: size)
        plain.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
            fill(UnsafeMutableRawBufferPointer(rebasing: target[..<size]))
            return size
        }
        let start = stream.outgoing.writerIndex
        stream.outgoing.writeInteger(UInt8(1))
        stream.outgoing.writeInteger(UInt32(0))
        guard let packed = plain.withUnsafeReadableBytes({ Gzip.compress($0, into: &stream.outgoing) }) else {
            stream.outgoing.moveWriterIndex(to: start)
            stream.outgoing.writeInteger(UInt8(0))
            stream.outgoing.writeInteger(UInt32(size))
            stream.outgoing.writeBuffer(&plain)
            return true
        }
        stream.outgoing.setInteger(UInt32(packed), at: start + 1)
        return true
    }
}

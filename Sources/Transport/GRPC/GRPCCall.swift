package import NIOCore
package import Tracing

/// One gRPC call that a peer makes. Confined to `eventLoop`: every member is used there and nowhere else.
///
/// A call ends exactly once: by `reply`, `finish`, `fail`, or by cancellation. Whatever is done to it after that
/// is ignored, so a handler that answers late needs to check nothing. It may be kept as long as needed;
/// an object that nobody kept is used again for the next call.
package final class GRPCCall {
    /// The event loop of the connection.
    package let eventLoop: any EventLoop
    /// The index of the event loop, 0 ..< number of loops, as given to the application factory.
    package let loopIndex: Int

    /// Bytes of the messages that have come and been sent, uncompressed and without their frames.
    package internal(set) var receivedBytes = 0
    package internal(set) var sentBytes = 0
    /// When `grpc-timeout` ends, nil without one. The transport itself ends the call then.
    package internal(set) var deadline: NIODeadline?
    /// The request headers, without pseudo headers; `grpc-` and `content-type` fields included.
    package internal(set) var metadata = HeaderFields()
    /// Runs once if the call is cancelled. Let go when the call ends, so it may capture the call.
    package var onCancel: ((GRPCCancelReason) -> Void)?
    /// Told once if the call is cancelled. Costs no closure; let go when the call ends.
    package var canceller: (any GRPCCanceller)?

    /// Who follows the call, if anybody does; ended by whoever observes the router.
    package var activity: ActivityRef?

    let loop: LoopContext
    /// The stream while it is open; nil makes everything a no-op.
    var stream: HTTP2Stream?
    /// Who answers; nil for calls that the router's fallback takes.
    var method: GRPCMethod?
    var unknownPath = ""
    var receiver: (any GRPCStreamReceiver)?

    /// Whether the call has ended: nothing that is sent reaches the caller any more.
    package internal(set) var isEnded = true
    var hasReplyMetadata = false
    var initialMetadata = HeaderFields()
    var trailingMetadata = HeaderFields()

    // Receiving; see GRPCCall+Receiving.swift.
    var inbox = ByteBuffer()
    var credits = 1
    var unconsumed = 0
    var held = 0
    var isInputDelivered = false

    // Time.
    var startedAt: UInt64 = 0
    /// `deadline` for the heap, which asks more often than anybody else.
    var expiry = NIODeadline.distantFuture
    var heapIndex = -1

    init(loop: LoopContext) {
        self.loop = loop
        eventLoop = loop.eventLoop
        loopIndex = loop.index
    }

    /// Monotonic nanoseconds of its headers; 0 when nobody observes the router.
    package var begunAt: UInt64 { startedAt }

    /// The method's path, `/package.Service/Method`.
    package var path: String { method?.path ?? unknownPath }
    /// Whether the router has the method: then the path is one of a few.
    package var isKnownMethod: Bool { method != nil }

    /// Who calls. Nil after the connection is gone.
    package var peer: SocketAddress? { stream?.connection?.peer }

    /// Whether the call came over TLS.
    package var isSecure: Bool { stream?.connection?.isSecure ?? false }

    /// The URIs that the verified certificate of who calls is for; none without one.
    package var peerURIs: [String] { stream?.connection?.peerURIs ?? [] }

    /// The value of a metadata field (lower case), nil without it. For `-bin` fields see `binaryMetadata`.
    package func metadata(_ name: StaticString) -> String? { metadata[name] }

    /// The value of a metadata field (lower case), nil without it.
    package func metadata(_ name: String) -> String? { metadata[name] }

    /// Runs `body` on the value of a metadata field (lower case), whose bytes are valid until it returns; nil without it.
    package func withMetadata<R>(_ name: StaticString, _ body: (UnsafeRawBufferPointer) -> R) -> R? { metadata.withValue(name, body) }

    /// The decoded bytes of a `-bin` metadata field, nil without it or when it is not Base64.
    package func binaryMetadata(_ name: String) -> [UInt8]? { metadata[name].flatMap { Base64.decode($0.utf8) } }

    /// Adds a field to the initial metadata. Ignored once the first message has been sent. A name ending in `-bin`
    /// must come with a value that is Base64 already; reserved names are ignored.
    package func addInitialMetadata(_ name: String, _ value: String) {
        guard !isEnded, !Self.isReserved(name) else { return }
        hasReplyMetadata = true
        initialMetadata.append(name, value)
    }

    /// Has `append` add fields to the initial metadata, none of which is reserved.
    @inline(__always)
    package func addInitialMetadata(_ append: (inout HeaderFields) -> Void) {
        guard !isEnded else { return }
        append(&initialMetadata)
        if !initialMetadata.isEmpty { hasReplyMetadata = true }
    }

    /// Forgets the initial metadata. Ignored once it has been sent.
    package func removeInitialMetadata() { initialMetadata.clear() }

    /// The same to the trailing metadata.
    @inline(__always)
    package func addTrailingMetadata(_ append: (inout HeaderFields) -> Void) {
        guard !isEnded else { return }
        append(&trailingMetadata)
        if !trailingMetadata.isEmpty { hasReplyMetadata = true }
    }

    /// Adds a field to the trailing metadata. Ignored once the call has ended.
    package func addTrailingMetadata(_ name: String, _ value: String) {
        guard !isEnded, !Self.isReserved(name) else { return }
        hasReplyMetadata = true
        trailingMetadata.append(name, value)
    }

    /// Names that the protocol itself uses (gRPC: PROTOCOL-HTTP2.md, Custom-Metadata).
    static func isReserved(_ name: String) -> Bool {
        let name = name.lowercased()
        return (name.hasPrefix("grpc-") && name != "grpc-trace-bin") || name.hasPrefix(":") || name == "content-type" || name == "te"
            || name == "connection" || name == "transfer-encoding" || name == "content-length"
    }

    // MARK: Life

    func open(_ stream: HTTP2Stream, _ loop: LoopContext) {
        self.stream = stream
        isEnded = false
        receivedBytes = 0
        sentBytes = 0
        swap(&metadata, &stream.headers)
        loop.counts.calls &+= 1
        if loop.router.observe != nil { startedAt = NIODeadline.now().uptimeNanoseconds }
        method = stream.path.withUnsafeBytes { loop.router.method(for: $0) }
        if method == nil { unknownPath = String(decoding: stream.path, as: UTF8.self) }

        if let refusal = refusal(stream) {
            refuse(refusal)
            return
        }
        if case .after(let time)? = stream.timeout { startTimer(.now() + time) }
        if let intercept = loop.router.intercept, let status = intercept(self) {
            fail(status)
            return
        }
        if isEnded { return }
        switch method?.kind {
        case .unary: break
        case .stream(let open): take(open(self))
        case nil:
            if let receiver = loop.router.fallback?(self) {
                take(receiver)
            } else {
                fail(GRPCStatus(.unimplemented, "The method \(unknownPath) is not known here."))
            }
        }
    }

    private func take(_ receiver: any GRPCStreamReceiver) {
        if !isEnded { self.receiver = receiver }
    }

    private func refusal(_ stream: HTTP2Stream) -> GRPCStatus? {
        if stream.isOversized {
            loop.count(.headersTooLarge)
            return GRPCStatus(
                .resourceExhausted,
                "The request headers exceed \(loop.limits.maxHeaderBytes) bytes or "
                    + "\(loop.limits.maxHeaderCount) fields.")
        }
        if stream.encoding == .unknown {
            hasReplyMetadata = true
            initialMetadata.append("grpc-accept-encoding" as StaticString, "identity,gzip")
            let name = metadata["grpc-encoding" as StaticString] ?? ""
            return GRPCStatus(.unimplemented, "The compression '\(name)' is not supported; use identity or gzip.")
        }
        if stream.timeout == .malformed {
            return GRPCStatus(.internal, "The field grpc-timeout is malformed; it takes up to eight digits and a unit.")
        }
        return nil
    }

    private func startTimer(_ deadline: NIODeadline) {
        self.deadline = deadline
        expiry = deadline
        loop.deadlines.insert(self)
    }

    /// The deadline passed. Called by the heap, which has let go of the call.
    func expire() {
        stop(GRPCStatus(.deadlineExceeded, "The deadline of the call passed."), .deadline)
    }

    /// Ends the call with a status and tells its handler so.
    private func stop(_ status: GRPCStatus, _ reason: GRPCCancelReason) {
        guard !isEnded else { return }
        let (onCancel, canceller, receiver) = (onCancel, canceller, receiver)
        fail(status)
        notify(onCancel, canceller, receiver, reason)
    }

    /// The peer broke a rule: ends the call with a status that says which.
    func refuse(_ status: GRPCStatus) { stop(status, .rejected) }

    /// The answer will not reach anybody.
    func cancel(_ reason: GRPCCancelReason) {
        guard !isEnded else { return }
        if reason == .shutdown {
            stop(GRPCStatus(.unavailable, "The server stops."), reason)
            return
        }
        let (onCancel, canceller, receiver) = (onCancel, canceller, receiver)
        ended(.cancelled)
        notify(onCancel, canceller, receiver, reason)
    }

    private func notify(
        _ onCancel: ((GRPCCancelReason) -> Void)?, _ canceller: (any GRPCCanceller)?,
        _ receiver: (any GRPCStreamReceiver)?, _ reason: GRPCCancelReason
    ) {
        canceller?.cancelled(self, reason)
        onCancel?(reason)
        receiver?.cancelled(reason)
    }

    func streamClosed(_ reason: GRPCCancelReason) {
        cancel(reason)
        if held > 0 {
            loop.release(held)
            held = 0
        }
        stream = nil
    }

    /// The one place where a call ends.
    func ended(_ code: GRPCCode) {
        isEnded = true
        if heapIndex >= 0 { loop.deadlines.remove(self) }
        if let observe = loop.router.observe {
            observe(self, code, NIODeadline.now().uptimeNanoseconds &- startedAt)
        }
        if onCancel != nil { onCancel = nil }
        if canceller != nil { canceller = nil }
        if receiver != nil { receiver = nil }
    }

    /// Makes a call that nobody holds ready for the next.
    func reset() {
        deadline = nil
        expiry = .distantFuture
        activity = nil
        metadata.clear()
        method = nil
        if !unknownPath.isEmpty { unknownPath = "" }
        if hasReplyMetadata {
            hasReplyMetadata = false
            initialMetadata.clear()
            trailingMetadata.clear()
        }
        if inbox.capacity > 64 << 10 { inbox = ByteBuffer() } else if inbox.writerIndex > 0 { inbox.clear() }
        credits = 1
        unconsumed = 0
        isInputDelivered = false
    }
}

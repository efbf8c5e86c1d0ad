package import NIOCore

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

    /// When `grpc-timeout` ends, nil without one. The transport itself ends the call then.
    package internal(set) var deadline: NIODeadline?
    /// The request headers, without pseudo headers; `grpc-` and `content-type` fields included.
    package internal(set) var metadata = HeaderFields()
    /// Runs once if the call is cancelled. Let go when the call ends, so it may capture the call.
    package var onCancel: ((GRPCCancelReason) -> Void)?
    /// Told once if the call is cancelled. Costs no closure; let go when the call ends.
    package var canceller: (any GRPCCanceller)?

    init(eventLoop: any EventLoop, loopIndex: Int) {
        self.eventLoop = eventLoop
        self.loopIndex = loopIndex
    }

    /// The method's path, `/package.Service/Method`.
    package var path: String { "" }

    /// Whether the call has ended: nothing that is sent reaches the caller any more.
    package var isEnded: Bool { true }

    /// Who calls. Nil after the connection is gone.
    package var peer: SocketAddress? { nil }

    /// The value of a metadata field (lower case), nil without it. For `-bin` fields see `binaryMetadata`.
    package func metadata(_ name: StaticString) -> String? { metadata[name] }

    /// The value of a metadata field (lower case), nil without it.
    package func metadata(_ name: String) -> String? { metadata[name] }

    /// The decoded bytes of a `-bin` metadata field, nil without it or when it is not Base64.
    package func binaryMetadata(_ name: String) -> [UInt8]? { nil }

    /// Adds a field to the initial metadata. Ignored once the first message has been sent. A name ending in `-bin`
    /// must come with a value that is Base64 already.
    package func addInitialMetadata(_ name: String, _ value: String) {}

    /// Adds a field to the trailing metadata. Ignored once the call has ended.
    package func addTrailingMetadata(_ name: String, _ value: String) {}

    /// Ends a unary or client-streaming call with `message` and status OK.
    package func reply(_ message: UnsafeRawBufferPointer) {}

    /// Ends a unary or client-streaming call with a message of `size` bytes that `fill` writes in place into the
    /// outgoing buffer, and status OK. `fill` must write every byte and must not use the call.
    package func reply(size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {}

    /// Ends the call with a status other than OK (OK counts as `finish()`).
    package func fail(_ status: GRPCStatus) {}

    /// Sends one message of a streaming call, and the initial metadata before the first. Returns false when the
    /// outgoing buffer is above its high-water mark: the message is taken nevertheless, but nothing more
    /// should be sent before `GRPCStreamReceiver.writable()`. A call whose buffer exceeds the hard limit fails
    /// with `RESOURCE_EXHAUSTED`.
    @discardableResult
    package func send(_ message: UnsafeRawBufferPointer) -> Bool { false }

    /// Like `send(_:)`, encoded in place.
    @discardableResult
    package func send(size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool { false }

    /// Sends the initial metadata now instead of with the first message.
    package func sendInitialMetadata() {}

    /// Ends a streaming call with status OK after what has been sent.
    package func finish() {}

    /// Lets `count` more messages come in. A stream starts with credit for one message, so that a server-streaming
    /// method needs none; without credit, bytes stay unconsumed and HTTP/2 flow control holds the peer back.
    /// Messages that already arrived are delivered later in the same turn of the event loop, not from inside this.
    package func requestMore(_ count: Int) {}
}

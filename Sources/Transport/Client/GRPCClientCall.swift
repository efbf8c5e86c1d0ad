package import NIOCore

/// Receives what comes back on a gRPC call. On the event loop of the client; held until the call has ended.
package protocol GRPCClientReceiver: AnyObject {
    /// The call is about to go out: appends the metadata that the call was not given when it was made, without reserved names.
    /// Called again if it goes out again.
    func appendMetadata(to fields: inout HeaderFields)
    /// A connection has taken the call; until then it is certain that the server has seen nothing.
    func started()
    /// The initial metadata. Not called when the server fails the call at once.
    func receive(metadata: HeaderFields)
    /// One message, decompressed. The bytes are valid until this returns. Each message uses up one credit; see
    /// `GRPCClientCall.requestMore(_:)`.
    func receive(reply: UnsafeRawBufferPointer)
    /// A `send` has returned false and the outgoing bytes have drained.
    func maySend()
    /// How the call ended, with its trailing metadata. Called once; nothing is called after it.
    func ended(_ status: GRPCStatus, trailers: HeaderFields)
}

extension GRPCClientReceiver {
    package func appendMetadata(to fields: inout HeaderFields) {}
    package func started() {}
    package func receive(metadata: HeaderFields) {}
    package func maySend() {}
}

/// One gRPC call of ours, unary or streaming. Confined to the event loop of its client; made once.
///
/// Whatever happens it ends with a status: that of the server, or one that says what broke (UNAVAILABLE without a
/// connection, DEADLINE_EXCEEDED after `timeout`). `mayHaveBeenSeen` then tells whether the server may have acted.
package final class GRPCClientCall: ClientExchange {
    /// Called with the end of a unary call, and the message when the status is OK; its bytes are valid until this returns.
    package typealias Done = (_ status: GRPCStatus, _ message: UnsafeRawBufferPointer) -> Void

    /// Metadata without reserved names; values of `-bin` names are Base64 already.
    private let metadata: HeaderFields
    /// False only when the server has certainly not begun with it.
    package private(set) var mayHaveBeenSeen = true

    /// What broke, when the call did not end with a status of the server; nil: it did, or has not ended.
    package private(set) var failure: ClientError?

    /// What the server is told of the time that it has.
    package enum ToldTime {
        /// The call's own timeout.
        case own
        /// Another, which the call may be given later; nil: none.
        case other(Duration?)
    }
    package var toldTime = ToldTime.own

    private var receiver: (any GRPCClientReceiver)?
    private var done: Done?

    // Receiving; see GRPCClientCall+Receiving.swift.
    var credits = 1
    var inbox = ByteBuffer()
    var unconsumed = 0
    var isGzip = false
    var isInputComplete = false
    var status: GRPCStatus?
    var trailers = HeaderFields()

    /// A unary call. `path` is `/package.Service/Method`. `fill` writes the `size` bytes of the message in place.
    /// `done` is called once, never from inside `HTTPClient.start`.
    package init(
        unary path: String, metadata: [(String, String)] = [], timeout: Duration? = nil, size: Int,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void, done: @escaping Done
    ) {
        self.metadata = Self.fields(metadata)
        self.done = done
        super.init(method: "POST", target: path)
        self.timeout = timeout
        append(size, fill)
        isOutputEnded = true
    }

    /// A unary call with a copy of `message`.
    package convenience init(
        unary path: String, metadata: [(String, String)] = [], timeout: Duration? = nil,
        message: UnsafeRawBufferPointer, done: @escaping Done
    ) {
        self.init(
            unary: path, metadata: metadata, timeout: timeout, size: message.count,
            { if message.count > 0 { $0.copyMemory(from: message) } }, done: done)
    }

    /// A streaming call of any shape. It starts with credit for one message.
    package init(
        streaming path: String, metadata: [(String, String)] = [], timeout: Duration? = nil,
        receiver: any GRPCClientReceiver
    ) {
        self.metadata = Self.fields(metadata)
        self.receiver = receiver
        super.init(method: "POST", target: path)
        self.timeout = timeout
    }

    private static func fields(_ metadata: [(String, String)]) -> HeaderFields {
        var fields = HeaderFields()
        for (name, value) in metadata where !GRPCCall.isReserved(name) { fields.append(name, value) }
        return fields
    }

    // MARK: Sending

    /// Sends one message. False means that more should wait for `maySend()`; the message is taken all the same.
    @discardableResult
    package func send(_ message: UnsafeRawBufferPointer) -> Bool {
        guard !isOutputEnded, !isEnded else { return false }
        append(message.count) { if message.count > 0 { $0.copyMemory(from: message) } }
        return outputAdded()
    }

    /// Whether `sent` is kept.
    package var keepsSent: Bool {
        get { keepsOutput }
        set { keepsOutput = newValue }
    }

    /// All messages that it was given, as they go over the wire. Only while `keepsSent`.
    package var sent: ByteBuffer {
        var all = outgoing
        all.moveReaderIndex(to: 0)
        return all
    }

    /// Sends what another call was given.
    package func send(again sent: ByteBuffer) {
        guard !isOutputEnded, !isEnded else { return }
        outgoing.writeImmutableBuffer(sent)
        _ = outputAdded()
    }

    /// The last message has been sent.
    package func finishSending() {
        guard !isOutputEnded, !isEnded else { return }
        isOutputEnded = true
        carrier?.outputChanged(self)
    }

    /// Frames one message (gRPC: PROTOCOL-HTTP2.md, Length-Prefixed-Message).
    private func append(_ size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: size + 5) { target in
            target[0] = 0
            target.storeBytes(of: UInt32(size).bigEndian, toByteOffset: 1, as: UInt32.self)
            fill(UnsafeMutableRawBufferPointer(rebasing: target[5..<5 + size]))
            return size + 5
        }
    }

    override func becameWritable() { receiver?.maySend() }

    override func didStart() { receiver?.started() }

    override func appendFields(to batch: inout HeaderBatch) {
        batch.append(known: "te", known: "trailers")
        batch.append(known: "content-type", known: "application/grpc")
        batch.append(known: "grpc-accept-encoding", known: "identity,gzip")
        switch toldTime {
        case .own where expiry != .distantFuture:
            batch.append(known: "grpc-timeout", GRPCTimeout.text(max(1_000_000, (expiry - .now()).nanoseconds)))
        case .other(let time?): batch.append(known: "grpc-timeout", GRPCTimeout.text(max(1_000_000, TimeAmount(time).nanoseconds)))
        default: break
        }
        if !metadata.isEmpty { batch.append(metadata) }
        if let receiver { batch.append { receiver.appendMetadata(to: &$0) } }
    }

    // MARK: Receiving

    override func receiveHead(_ status: Int, _ headers: HeaderFields, isLast: Bool) {
        take(head: status, headers, isLast: isLast)
    }
    override func receiveData(_ bytes: UnsafeRawBufferPointer) { take(data: bytes) }
    override func receiveTrailers(_ headers: HeaderFields) { take(trailers: headers) }
    override func receiveEnd() { takeEnd() }
    override func deliverParked() { if !isUnary { deliver() } }

    // MARK: Ending

    var isUnary: Bool { done != nil }

    func handOn(metadata: HeaderFields) { receiver?.receive(metadata: metadata) }

    func handOn(_ message: UnsafeRawBufferPointer) {
        credits -= 1
        receiver?.receive(reply: message)
    }

    /// Ends the call with what the server said.
    func end(_ status: GRPCStatus, _ message: UnsafeRawBufferPointer) {
        let (done, receiver) = (done, receiver)
        self.done = nil
        self.receiver = nil
        finish()
        done?(status, message)
        receiver?.ended(status, trailers: trailers)
    }

    override func didFail(_ error: ClientError) {
        mayHaveBeenSeen = error.mayHaveBeenSeen
        failure = error
        let (done, receiver) = (done, receiver)
        self.done = nil
        self.receiver = nil
        done?(error.status, UnsafeRawBufferPointer(start: nil, count: 0))
        receiver?.ended(error.status, trailers: trailers)
    }
}

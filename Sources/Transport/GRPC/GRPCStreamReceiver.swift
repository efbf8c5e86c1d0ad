/// Why a call ended without the answer of whoever handles it.
package enum GRPCCancelReason: Sendable, Equatable {
    /// The peer reset the stream (RFC 9113 §6.4).
    case reset
    /// The connection is gone.
    case disconnected
    /// The deadline of `grpc-timeout` passed; the caller has been sent `DEADLINE_EXCEEDED`.
    case deadline
    /// The server stops and its grace ran out.
    case shutdown
    /// The peer broke the protocol or a limit; it has been told so.
    case rejected
}

/// The receiving half of a client-, server- or bidirectional-streaming call.
///
/// Called on the event loop of the call, never from inside one of the receiver's own calls into `GRPCCall`.
/// The transport holds it until the call has ended.
package protocol GRPCStreamReceiver: AnyObject {
    /// One message, decompressed. The bytes are valid until this returns. Each message uses up one credit;
    /// see `GRPCCall.requestMore(_:)`.
    func receive(_ message: UnsafeRawBufferPointer)
    /// The peer has sent its last message. Called once, after the last `receive`; not after `cancelled`.
    func end()
    /// The call ended before `finish()` or `fail(_:)`. Called at most once; nothing is called after it, and
    /// what is sent from now on goes nowhere.
    func cancelled(_ reason: GRPCCancelReason)
    /// The outgoing buffer fell below its low-water mark after a `send` returned false.
    func writable()
}

extension GRPCStreamReceiver {
    package func writable() {}
    package func cancelled(_ reason: GRPCCancelReason) {}
}

/// Told once when a call is cancelled: the form of `GRPCCall.onCancel` that needs no closure.
package protocol GRPCCanceller: AnyObject {
    /// `call` has been cancelled. On the event loop of the call.
    func cancelled(_ call: GRPCCall, _ reason: GRPCCancelReason)
}

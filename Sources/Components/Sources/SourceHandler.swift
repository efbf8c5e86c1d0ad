/// Who takes what a source delivers. On the event loop of the source.
/// (Open, since Swift has no word for "open in the package".)
open class SourceHandler {
    public init() {}

    /// A message: the structure of the source's kind, which an older plugin may have made shorter. Valid during the
    /// call. If the kind settles, the delivery must be settled once, now or later.
    open func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {}

    /// What becomes of the source itself. Deliveries of an earlier opening need not be settled any more: they come again.
    open func changed(_ state: SourceState) {}
}

/// Names a message that was delivered.
public struct Delivery: Sendable {
    let token: UInt64
    let opening: UInt64
}

/// What a source is doing, for lists and health.
public enum SourceState: Sendable {
    /// Its component is not ready, or it is just being opened.
    case waiting
    case open
    /// It ended, or could not be opened; the next try comes after `again`.
    case failed(CallError, again: Duration)
    case ended
}

import Tracing

/// Who waits for the end of a call. One object a request, subclassed by each operation that a
/// building block offers. On the event loop that opened the call; exactly one of the two functions is
/// called, or none after `CallHandle.cancel()`. (Open, since Swift has no word for "open in the package".)
open class CallWaiter {
    /// The request that the call is part of, if somebody follows it.
    final var activity: ActivityRef?
    /// The try that is under way for it; nil when none is.
    final var trace: CallTrace?

    public init() {}

    /// The plugin's reply: the structure of the operation, `nil` for an empty one. Valid during the call.
    open func completed(_ reply: UnsafeRawPointer?) {}

    /// The plugin's error, or ours: deadline, no such component, not ready, queue full.
    open func failed(_ error: CallError) {}
}

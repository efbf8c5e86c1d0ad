/// What is to be done by a thread of the plugin's own that waits in `poll`, for a socket and for this.
public final class Mailbox<Message> {
    private let lock = Lock()
    private var messages: [Message] = []
    private var isClosed = false
    private let event: Int32

    /// `nil` when the process has no descriptor left.
    public init?() {
        event = plugin_kit_event()
        guard event >= 0 else { return nil }
    }

    deinit { _ = close(event) }

    /// Puts a message down and wakes the thread; `false`, and nothing is done, once it is closed. Any thread.
    @discardableResult
    public func put(_ message: Message) -> Bool {
        lock.with {
            if isClosed { return false }
            messages.append(message)
            if messages.count == 1 { plugin_kit_event_set(event) }
            return true
        }
    }

    /// All that came since the last time, in its order. The thread alone.
    public func take() -> [Message] {
        lock.with {
            guard !messages.isEmpty else { return [] }
            plugin_kit_event_clear(event)
            defer { messages = [] }
            return messages
        }
    }

    /// Takes no more from now on; what is there already is given back. The thread alone.
    public func shut() -> [Message] {
        lock.with {
            isClosed = true
            defer { messages = [] }
            return messages
        }
    }

    /// Waits until there is a message, `descriptor` (-1: none) has one of the `POLL*` events, or the time is over; the events of the descriptor.
    public func wait(_ descriptor: Int32 = -1, for events: Int32 = 0, atMost nanoseconds: Int64) -> Int32 {
        plugin_kit_event_wait(event, descriptor, events, nanoseconds)
    }
}

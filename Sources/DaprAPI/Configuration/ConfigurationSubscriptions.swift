import NIOConcurrencyHelpers
import NIOCore

/// Open subscriptions to configuration, of all event loops: one is ended by a request that may come to any of them.
/// Any thread.
package final class ConfigurationSubscriptions: Sendable {
    struct Entry: Sendable {
        let store: String
        let loop: any EventLoop
        /// Ends it. On its loop.
        let end: NIOLoopBound<() -> Void>
    }

    private let entries = NIOLockedValueBox<[String: Entry]>([:])

    package init() {}

    /// A name that nobody guesses: a random UUID (RFC 9562).
    static func makeID() -> String {
        var random = SystemRandomNumberGenerator()
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (place, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(place) { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }

    /// On `loop`.
    func add(_ id: String, store: String, loop: any EventLoop, end: @escaping () -> Void) {
        let entry = Entry(store: store, loop: loop, end: NIOLoopBound(end, eventLoop: loop))
        entries.withLockedValue { $0[id] = entry }
    }

    /// Forgets it; nil when there is none of that store, any more perhaps.
    @discardableResult
    func remove(_ id: String, store: String) -> Entry? {
        entries.withLockedValue { entries in
            guard let entry = entries[id], entry.store == store else { return nil }
            entries[id] = nil
            return entry
        }
    }

    /// The runtime stops: streams would keep it waiting.
    package func endAll() {
        let all = entries.withLockedValue { entries in
            defer { entries = [:] }
            return entries
        }
        for entry in all.values { entry.loop.execute { entry.end.value() } }
    }

    package var count: Int { entries.withLockedValue { $0.count } }
}

import PluginKit

/// Commands of which one reply is awaited and that are not the everyday get, set and remove.
class Exchange {
    /// Repeating it does no harm.
    let isRead: Bool

    init(isRead: Bool) { self.isRead = isRead }

    /// The reply. The number is the one given when the command was sent.
    func answered(_ number: Int, _ reply: inout RESPReader) {}
    /// There will be no reply.
    func failed(_ number: Int, _ error: PluginError) {}
    /// Sends the same command again with the script's text, because the server does not know its hash.
    func sendWithSource(_ number: Int, _ connection: Connection) {}
}

/// A command whose reply is awaited.
struct Pending {
    enum Kind {
        case get
        /// The key is no hash: once more as a plain text.
        case getText
        case set
        case remove
        case exchange
    }
    var kind: Kind
    var call: octavo_call
    /// The call's request, readable until the call has ended.
    var request: UnsafeRawPointer?
    var exchange: Exchange?
    var number = 0
    /// Where its bytes begin in all that the connection has to send.
    var start: UInt64 = 0

    var isRead: Bool {
        switch kind {
        case .get, .getText: true
        case .set, .remove: false
        case .exchange: exchange!.isRead
        }
    }
}

/// First in, first out.
struct PendingQueue {
    private var items: [Pending?] = [Pending?](repeating: nil, count: 64)
    private var head = 0
    private(set) var count = 0

    mutating func append(_ item: Pending) {
        if count == items.count {
            var bigger = [Pending?](repeating: nil, count: count * 2)
            for index in 0..<count { bigger[index] = items[(head + index) & (count - 1)] }
            items = bigger
            head = 0
        }
        items[(head + count) & (items.count - 1)] = item
        count += 1
    }

    mutating func popFirst() -> Pending? {
        guard count > 0 else { return nil }
        let item = items[head]
        items[head] = nil
        head = (head + 1) & (items.count - 1)
        count -= 1
        return item
    }
}

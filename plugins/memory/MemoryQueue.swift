import PluginKit

/// A message, shared by the queues that it waits in. Constant.
final class MemoryMessage {
    private let topic: [UInt8]
    private let data: [UInt8]
    private let contentType: [UInt8]
    private let pairs: [([UInt8], [UInt8])]
    /// Wall time; 0: never.
    private let expires: Int64

    init(_ request: UnsafePointer<octavo_pubsub_publish_request>) {
        topic = request.pointee.topic.array
        data = [UInt8](request.pointee.data.raw)
        contentType = request.pointee.content_type.array
        expires = request.pointee.ttl_ns > 0 ? plugin_kit_wall() &+ request.pointee.ttl_ns : 0
        let metadata = request.pointee.head.metadata
        var pairs: [([UInt8], [UInt8])] = []
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self)
            pairs.append((pair.pointee.name.array, pair.pointee.value.array))
        }
        self.pairs = pairs
    }

    var isExpired: Bool { expires != 0 && plugin_kit_wall() >= expires }

    func deliver(to source: Source, token: UInt64, attempt: UInt32) -> Source.Delivered {
        var message = octavo_pubsub_message()
        message.attempt = attempt
        return topic.withUnsafeBytes { topic in
            data.withUnsafeBytes { data in
                contentType.withUnsafeBytes { type in
                    message.topic = Str(topic)
                    message.data = Bytes(data)
                    message.content_type = Str(type)
                    guard !pairs.isEmpty else { return source.deliver(token, &message) }
                    return PairList.with(pairs) { list in
                        message.metadata = list
                        return source.deliver(token, &message)
                    }
                }
            }
        }
    }
}

/// What waits for one subscriber, and what it has. Everything but the constants is under the broker's lock.
final class MemoryQueue {
    let source: Source
    let topic: Topic

    struct Entry {
        var message: MemoryMessage
        var token: UInt64
        var attempt: UInt32
    }

    private var entries: [Entry?] = []
    /// The first that waits: what is before it is empty.
    private var first = 0
    /// Those that come again, before the others.
    private var again: [Entry] = []
    private var unsettled: [UInt64: Entry] = [:]
    private var credit = 0
    private var nextToken: UInt64 = 1
    private var isPumping = false
    private var isEnded = false

    init(_ source: Source, _ topic: Str) {
        self.source = source
        self.topic = Topic(topic)
    }

    var waiting: Int { entries.count - first + again.count }

    func append(_ message: MemoryMessage) {
        entries.append(Entry(message: message, token: nextToken, attempt: 0))
        nextToken += 1
    }

    func grant(_ messages: Int) { credit = messages == 0 ? 0 : credit + messages }

    func end() {
        isEnded = true
        entries = []
        first = 0
        again = []
        unsettled = [:]
    }

    /// The next one to be delivered, if this thread is the one to do it.
    func takeNext() -> Entry? {
        guard !isPumping, !isEnded, credit > 0, let next = pop() else { return nil }
        isPumping = true
        credit -= 1
        // Before it is delivered: it may be settled before `deliver` returns.
        unsettled[next.token] = next
        return next
    }

    private func pop() -> Entry? {
        while !again.isEmpty {
            let next = again.removeFirst()
            if !next.message.isExpired { return next }
        }
        while first < entries.count {
            let next = entries[first]!
            entries[first] = nil
            first += 1
            if first == entries.count {
                entries.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 4096, first * 2 > entries.count {
                entries.removeFirst(first)
                first = 0
            }
            if !next.message.isExpired { return next }
        }
        return nil
    }

    func delivered(_ entry: Entry, _ outcome: Source.Delivered) {
        isPumping = false
        switch outcome {
        case .done: break
        case .noCredit:
            credit = 0
            if unsettled.removeValue(forKey: entry.token) != nil { again.insert(entry, at: 0) }
        case .ended: end()
        }
    }

    func settle(_ token: UInt64, again isAgain: Bool) {
        guard var entry = unsettled.removeValue(forKey: token), isAgain else { return }
        entry.attempt &+= 1
        again.append(entry)
    }
}

/// A topic's name as bytes: to compare text takes tables that this plugin does not have.
struct Topic {
    private let bytes: [UInt8]
    init(_ text: Str) { bytes = text.array }
    func equals(_ text: Str) -> Bool { bytes.withUnsafeBytes { Str($0).equals(text) } }
}

import PluginKit

/// What waits for one group of subscribers, and what each of them has. Everything but the constants is under the broker's
/// lock.
final class MemoryQueue {
    let topic: Name
    let group: Name

    struct Entry {
        var message: MemoryMessage
        var token: UInt64
        var attempt: UInt32
    }

    /// One subscriber.
    final class Consumer {
        let source: Source
        fileprivate var credit = 0
        fileprivate var unsettled: [UInt64: Entry] = [:]
        fileprivate var isEnded = false

        init(_ source: Source) { self.source = source }
    }

    private var entries: [Entry?] = []
    /// The first that waits: what is before it is empty.
    private var first = 0
    /// Those that come again, before the others.
    private var again: [Entry] = []
    private var consumers: [Consumer] = []
    /// Whose turn it is.
    private var turn = 0
    private var nextToken: UInt64 = 1
    private var isPumping = false
    /// Since when nobody listens, in monotonic nanoseconds; 0: somebody does.
    private(set) var abandoned: Int64 = 0

    init(_ topic: Str, _ group: Str) {
        self.topic = Name(topic)
        self.group = Name(group)
    }

    var waiting: Int { entries.count - first + again.count }

    func append(_ message: MemoryMessage) {
        entries.append(Entry(message: message, token: nextToken, attempt: 0))
        nextToken += 1
    }

    /// Makes room when nobody listens.
    func dropOldest() { _ = pop() }

    // MARK: Consumers

    func join(_ source: Source) {
        consumers.append(Consumer(source))
        abandoned = 0
    }

    func find(_ source: Source) -> Consumer? {
        for consumer in consumers where consumer.source == source { return consumer }
        return nil
    }

    func grant(_ source: Source, _ messages: Int) {
        guard let consumer = find(source) else { return }
        consumer.credit = messages == 0 ? 0 : consumer.credit + messages
    }

    /// What it has not settled is for the others, or for who comes next.
    func leave(_ consumer: Consumer) {
        guard !consumer.isEnded else { return }
        consumer.isEnded = true
        var back: [Entry] = []
        for entry in consumer.unsettled.values { back.append(entry) }
        consumer.unsettled = [:]
        // In the order in which they were published: not many, and tables of comparison are not there.
        for index in 0..<back.count {
            var place = index
            while place > 0, back[place - 1].token > back[place].token {
                back.swapAt(place - 1, place)
                place -= 1
            }
        }
        again.insert(contentsOf: back, at: 0)
        for index in 0..<consumers.count where consumers[index] === consumer {
            consumers.remove(at: index)
            break
        }
        if consumers.isEmpty { abandoned = plugin_kit_monotonic() }
    }

    // MARK: Delivering

    /// The next one to be delivered and to whom, if this thread is the one to do it.
    func takeNext() -> (entry: Entry, consumer: Consumer)? {
        guard !isPumping, let consumer = nextConsumer(), let next = pop() else { return nil }
        isPumping = true
        consumer.credit -= 1
        // Before it is delivered: it may be settled before `deliver` returns.
        consumer.unsettled[next.token] = next
        return (next, consumer)
    }

    /// One after the other, of those that have credit.
    private func nextConsumer() -> Consumer? {
        for step in 0..<consumers.count {
            let consumer = consumers[(turn + step) % consumers.count]
            guard consumer.credit > 0 else { continue }
            turn = (turn + step + 1) % consumers.count
            return consumer
        }
        return nil
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

    func delivered(_ entry: Entry, _ consumer: Consumer, _ outcome: Source.Delivered) {
        isPumping = false
        switch outcome {
        case .done: break
        case .noCredit:
            consumer.credit = 0
            if consumer.unsettled.removeValue(forKey: entry.token) != nil { again.insert(entry, at: 0) }
        case .ended: leave(consumer)
        }
    }

    func settle(_ source: Source, _ token: UInt64, again isAgain: Bool) {
        guard let consumer = find(source), var entry = consumer.unsettled.removeValue(forKey: token), isAgain else { return }
        entry.attempt &+= 1
        again.append(entry)
    }
}

/// A name as bytes: to compare text takes tables that this plugin does not have.
struct Name {
    private let bytes: [UInt8]
    init(_ text: Str) { bytes = text.array }
    func equals(_ text: Str) -> Bool { bytes.withUnsafeBytes { Str($0).equals(text) } }
}

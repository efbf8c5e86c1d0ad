import BuildingBlocks
import Glibc
import NIOCore
import Tracing

/// Events that an app has and has not answered, by their ids. Apps answer mostly in the order in which they got them, so the
/// oldest are looked at first; there are never more than the window of a subscription.
struct AwaitedEvents {
    struct Entry {
        let id: EventKey
        let held: HeldEvent
        var timer: Scheduled<Void>?
        /// The delivery, if it is followed.
        var delivery: ActivityRef?
        /// Monotonic nanoseconds; 0 when nobody measures.
        var sentAt: UInt64 = 0
    }

    // Before `first` nothing is left; behind it are holes where later ones were answered earlier.
    private var entries: [Entry?] = []
    private var first = 0

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// The oldest with that id; a broker may deliver one twice.
    mutating func remove(_ id: UnsafeRawBufferPointer) -> Entry? { remove { $0.id == id } }

    mutating func remove(_ held: HeldEvent) -> Entry? { remove { $0.held === held } }

    mutating func removeAll() -> [Entry] {
        defer { (entries, first) = ([], 0) }
        return entries[first...].compactMap { $0 }
    }

    private mutating func remove(_ matches: (Entry) -> Bool) -> Entry? {
        for index in first..<entries.count {
            guard let entry = entries[index], matches(entry) else { continue }
            entries[index] = nil
            while first < entries.count, entries[first] == nil { first += 1 }
            // Rarely, so that nothing is moved for each.
            if first == entries.count {
                entries.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 64, first > entries.count / 2 {
                entries.removeFirst(first)
                first = 0
            }
            return entry
        }
        return nil
    }
}

/// The id of an event. Those that runtimes give, of 36 characters, need no memory of their own.
struct EventKey {
    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    private let count: Int
    private let long: [UInt8]

    private static let inlined = 40

    init(_ id: UnsafeRawBufferPointer) {
        count = id.count
        guard count <= Self.inlined else {
            long = Array(id)
            return
        }
        long = []
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: id) }
    }

    static func == (key: EventKey, id: UnsafeRawBufferPointer) -> Bool {
        guard key.count == id.count else { return false }
        guard key.count <= inlined else { return key.long.elementsEqual(id) }
        guard let start = id.baseAddress else { return true }
        return withUnsafeBytes(of: key.words) { memcmp($0.baseAddress.unsafelyUnwrapped, start, id.count) == 0 }
    }
}

/// One watch of configuration and what its source has been told.
public final class FollowedItems {
    public let source: Source
    public let keys: WatchedKeys
    private let sendsPresent: Bool
    /// Answered when the first read is done.
    public private(set) var opening: EmptyReply?

    public enum State {
        /// It may have missed changes: all is to be read.
        case stale
        case reading
        case current
    }
    public private(set) var state = State.stale
    /// Counts the times that all was begun to be read: what comes of an earlier one is too old.
    public private(set) var reading = 0

    private var known: [ConfigurationItem] = []
    /// What came in while all was being read.
    private var late: [ConfigurationItem] = []

    public init(_ request: octavo_configuration_watch_request, _ reply: EmptyReply) {
        source = Source(request.source)
        keys = WatchedKeys(request.keys)
        sendsPresent = request.flags & OCTAVO_CONFIGURATION_SEND_PRESENT != 0
        opening = reply
    }

    /// All is being read; the number of that.
    public func beginReading() -> Int {
        state = .reading
        reading += 1
        return reading
    }

    /// All of its items, as they are now.
    public func take(all items: [ConfigurationItem]) {
        state = .current
        if let opening {
            self.opening = nil
            known = items
            if sendsPresent { ConfigurationItem.withABI(items) { _ = source.deliver($0, isPresent: true) } }
            opening.done()
        } else {
            tell(ConfigurationItem.changes(from: known, to: items))
            known = items
        }
        let late = late
        self.late = []
        for item in late { take(changed: item) }
    }

    /// One that has changed, or may have.
    public func take(changed item: ConfigurationItem) {
        guard keys.contains(item.key) else { return }
        guard state == .current else { return late.append(item) }
        let place = known.firstIndex { !ConfigurationItem.precedes($0.key, item.key) } ?? known.count
        let isKnown = place < known.count && known[place].key == item.key
        if isKnown ? known[place] == item : item.value == nil { return }
        if isKnown { known.remove(at: place) }
        if item.value != nil { known.insert(item, at: place) }
        tell([item])
    }

    public func becomeStale() {
        state = .stale
        late = []
    }

    public func failOpening(_ error: PluginError) {
        opening?.call.fail(error)
        opening = nil
    }

    private func tell(_ items: [ConfigurationItem]) {
        if !items.isEmpty { ConfigurationItem.withABI(items) { _ = source.deliver($0) } }
    }
}

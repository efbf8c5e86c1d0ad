/// The watches of a configuration store whose server tells which keys have changed: reads what they have to say, and finds by
/// comparing what has changed while nothing was heard. On the instance's reactor thread.
///
/// The store says `listening()` when all that the watches want is heard of, `lost(_:)` when that is over, `changed(_:)` for a
/// key, and `readStale()` when it can read again. Its replies to `read` must come in the order of the requests.
public final class ConfigurationFollower {
    private var watches: [FollowedItems] = []
    private var isListening = false
    /// Keys that have changed and are to be read.
    private var changed: [[UInt8]] = []
    private var mayAllHaveChanged = false
    private let later: Later

    public typealias Items = Result<[ConfigurationItem], PluginError>
    /// Reads the items of the keys that exist, sorted by key, and calls what it is given; throws when it can't read now. Set by
    /// the store, which outlives this.
    public var read: (WatchedKeys, @escaping (Items) -> Void) throws(PluginError) -> Void = {
        (_, _) throws(PluginError) in throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.")
    }
    /// A watch is over, and what it wanted need not be heard of for it.
    public var onEnd: (FollowedItems) -> Void = { _ in }

    public init(_ instance: Instance) { later = Later(instance) }

    /// One more, which is opened once it is heard of and read. `listening()` is to follow.
    public func add(_ watch: FollowedItems) {
        watches.append(watch)
        // What it wants may not be heard of yet.
        isListening = false
    }

    /// Ends the watch of a source, if there is one.
    public func remove(_ source: Source) {
        guard let place = watches.firstIndex(where: { $0.source == source }) else { return }
        let watch = watches.remove(at: place)
        watch.failOpening(PluginError(OCTAVO_CODE_CANCELLED, "The watch was ended."))
        onEnd(watch)
    }

    /// Ends all.
    public func close() {
        let open = watches
        watches = []
        for watch in open { watch.failOpening(PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is being stopped.")) }
    }

    /// All that the watches want is heard of from now on.
    public func listening() {
        isListening = true
        readStale()
    }

    /// Nothing is heard any more; those that wait to be opened fail.
    public func lost(_ error: PluginError) {
        isListening = false
        let opening = watches.filter { $0.opening != nil }
        watches.removeAll { $0.opening != nil }
        for watch in watches { watch.becomeStale() }
        for watch in opening {
            watch.failOpening(error)
            onEnd(watch)
        }
    }

    /// Anything may have changed. All is read soon.
    public func anyChanged() {
        mayAllHaveChanged = true
        later.ask { [self] in readChanged() }
    }

    /// A key has changed, or may have. It is read soon.
    public func changed(_ key: [UInt8]) {
        guard watches.contains(where: { $0.keys.contains(key) }) else { return }
        if !changed.contains(key) { changed.append(key) }
        later.ask { [self] in readChanged() }
    }

    /// Reads all items of watches that may have missed something.
    public func readStale() {
        guard isListening else { return }
        for watch in watches where watch.state == .stale {
            let number = watch.beginReading()
            do throws(PluginError) {
                try read(watch.keys) { [unowned(unsafe) self] outcome in
                    guard watch.state == .reading, watch.reading == number, watches.contains(where: { $0 === watch }) else { return }
                    switch outcome {
                    case .success(let items): watch.take(all: items)
                    case .failure(let error): readFailed(watch, error)
                    }
                }
            } catch {
                // It is read when there is a connection again.
                watch.becomeStale()
                return
            }
        }
    }

    private func readFailed(_ watch: FollowedItems, _ error: PluginError) {
        watch.becomeStale()
        // The runtime opens it again, after a while and with the cause.
        if watch.opening == nil, error.flags & OCTAVO_ERROR_OUTAGE != 0 { return }
        watches.removeAll { $0 === watch }
        if watch.opening != nil { watch.failOpening(error) } else { watch.source.fail(error) }
        onEnd(watch)
    }

    private func readChanged() {
        let keys = changed
        changed = []
        if mayAllHaveChanged {
            mayAllHaveChanged = false
            for watch in watches { watch.becomeStale() }
            return readStale()
        }
        do throws(PluginError) {
            try read(WatchedKeys(keys)) { [unowned(unsafe) self] outcome in
                switch outcome {
                case .success(let items): take(keys, items)
                case .failure:
                    becomeStale()
                    readStale()
                }
            }
        } catch { becomeStale() }
    }

    private func becomeStale() {
        for watch in watches where watch.opening == nil { watch.becomeStale() }
    }

    private func take(_ keys: [[UInt8]], _ items: [ConfigurationItem]) {
        for key in keys {
            let item = items.first { $0.key == key } ?? ConfigurationItem(key: key, value: nil)
            for watch in watches { watch.take(changed: item) }
        }
    }
}

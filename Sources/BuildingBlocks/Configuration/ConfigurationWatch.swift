import COctavo
import Components

/// A subscription to items. Used on one event loop. It lives until `end()`, or until its component is removed; whatever
/// happens to the component, its plugin and its backend meanwhile, what has changed is told when it is there again.
package final class ConfigurationWatch {
    package let store: String
    let keys: [String]
    private let metadata: ConfigurationAPI.Metadata
    /// Let go at the end: they may hold whoever holds this.
    private var opened: ((ConfigurationFailure?) -> Void)?
    private var changed: (([ConfigurationItem]) -> Void)?
    private var ended: (() -> Void)?

    private var source: ComponentSource?
    private var hasOpened = false
    private var hasEnded = false
    /// What the subscriber knows: a fingerprint of each item. Nil until it is known what there was at the beginning.
    private var known: [String: Int]?
    /// Changes that overtook the answer to the opening.
    private var early: [ConfigurationItem] = []

    fileprivate init(
        store: String, keys: [String], metadata: ConfigurationAPI.Metadata,
        opened: @escaping (ConfigurationFailure?) -> Void, changed: @escaping ([ConfigurationItem]) -> Void,
        ended: @escaping () -> Void
    ) {
        self.store = store
        self.keys = keys
        self.metadata = metadata
        self.opened = opened
        self.changed = changed
        self.ended = ended
    }

    /// Nothing is told any more.
    package func end() {
        hasEnded = true
        opened = nil
        changed = nil
        ended = nil
        source?.end()
        source = nil
    }

    fileprivate func begin(_ ref: ComponentRef) {
        if hasEnded { return }
        guard ref.isReady else {
            // Fails, and says why.
            _ = ref.open(
                OCTAVO_CONFIGURATION_OP_WATCH, octavo_configuration_watch_request.self, bytes: 0, deadline: 0,
                waiter: Refusal(self))
            return
        }
        guard ref.supports(OCTAVO_CONFIGURATION_OP_WATCH) else {
            return fail(
                CallError(
                    code: OCTAVO_CODE_UNIMPLEMENTED, reason: "NOT_SUPPORTED",
                    message: "\(ref.type) can't be subscribed to; read it with get, or use a store that can"))
        }
        source = ComponentSource(of: ref, window: 1, handler: Handler(self)) { [keys, metadata] ref, source, waiter in
            guard
                var slot = ref.open(
                    OCTAVO_CONFIGURATION_OP_WATCH, octavo_configuration_watch_request.self,
                    bytes: ConfigurationAPI.size(keys, metadata), deadline: ComponentSource.openDeadline, waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.source = source
            request.pointee.keys = slot.texts(keys)
            request.pointee.flags = UInt32(OCTAVO_CONFIGURATION_SEND_PRESENT)
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
    }

    fileprivate func fail(_ error: CallError) {
        guard !hasOpened, !hasEnded else { return }
        let opened = self.opened
        end()
        opened?(.component(store: store, operation: .subscribe, keys: keys, error: error))
    }

    fileprivate func became(_ state: SourceState) {
        switch state {
        case .open where !hasOpened && !hasEnded:
            hasOpened = true
            opened?(nil)
            let news = early
            early = []
            if !news.isEmpty { changed?(news) }
        // A subscriber hears why it can't be; once it could, the next try follows.
        case .failed(let error, _): fail(error)
        case .ended where !hasEnded:
            let (opened, ended) = (opened, ended)
            end()
            if hasOpened { ended?() } else { opened?(.notFound(store: store)) }
        case .open, .waiting, .ended: break
        }
    }

    fileprivate func received(_ change: octavo_configuration_change) {
        if hasEnded { return }
        let items = change.items.elements(as: octavo_configuration_item.self).map { ConfigurationItem($0) }
        let news = change.flags & UInt32(OCTAVO_CONFIGURATION_PRESENT) == 0 ? take(items) : take(all: items)
        if news.isEmpty { return }
        if hasOpened { changed?(news) } else { early += news }
    }

    private func take(_ items: [ConfigurationItem]) -> [ConfigurationItem] {
        for item in items { known?[item.key] = item.value == nil ? nil : item.fingerprint }
        return items
    }

    /// These are all that there are: the beginning, or what has become of it while nothing was told.
    private func take(all items: [ConfigurationItem]) -> [ConfigurationItem] {
        let before = known
        var now: [String: Int] = [:]
        for item in items { now[item.key] = item.fingerprint }
        known = now
        guard let before else { return [] }
        return items.filter { before[$0.key] != now[$0.key] }
            + before.keys.filter { now[$0] == nil }.sorted().map { ConfigurationItem(key: $0, value: nil) }
    }

    /// Does not hold the watch, which holds the source, which holds this.
    private final class Handler: SourceHandler {
        private weak var watch: ConfigurationWatch?

        init(_ watch: ConfigurationWatch) { self.watch = watch }

        override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
            watch?.received(message.loadUnaligned(as: octavo_configuration_change.self))
        }

        override func changed(_ state: SourceState) { watch?.became(state) }
    }

    private final class Refusal: CallWaiter {
        private let watch: ConfigurationWatch
        init(_ watch: ConfigurationWatch) { self.watch = watch }
        override func failed(_ error: CallError) { watch.fail(error) }
    }
}

extension ConfigurationAPI {
    /// Subscribes to the items of those keys; no keys, to all. `opened` is called once: from then on each change is told
    /// to `changed`, or it says why not. `ended`: its component was removed. None is called once `end()` was.
    package func watch(
        store name: String, keys: [String], metadata: Metadata = [],
        opened: @escaping (ConfigurationFailure?) -> Void, changed: @escaping ([ConfigurationItem]) -> Void,
        ended: @escaping () -> Void
    ) throws(ConfigurationFailure) -> ConfigurationWatch {
        let ref = try store(name)
        // Sorted, and each once, as Dapr has them.
        let watch = ConfigurationWatch(
            store: name, keys: Set(keys).sorted(), metadata: metadata, opened: opened, changed: changed, ended: ended)
        run(ref) { watch.begin(ref) }
        return watch
    }
}

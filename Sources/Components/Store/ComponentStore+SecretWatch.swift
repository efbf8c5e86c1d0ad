import COctavo
import NIOCore

/// Secrets that are heard of as soon as they change, from stores that tell. A watch makes the reading that `followSecrets` does at
/// intervals come earlier, and no more: where a store can't be watched, that is what remains.
extension ComponentStore {
    /// Has the secrets watched that components name now. To be called whenever a component has become ready, has other settings or is gone.
    func watchSecrets() {
        guard options.secretInterval != nil, !isStopping else { return }
        var wanted: [String: Set<String>] = [:]
        for entry in components.values {
            for setting in entry.definition.metadata {
                guard let reference = setting.reference, tellsOfSecrets(reference.store) else { continue }
                wanted[reference.store, default: []].insert(reference.name)
            }
        }
        for (store, watch) in secretWatches where wanted[store] != watch.names {
            watch.end()
            secretWatches[store] = nil
        }
        for (store, names) in wanted where secretWatches[store] == nil {
            let watch = SecretWatch(store, names, on: loops[0])
            secretWatches[store] = watch
            watch.begin(telling: self)
        }
    }

    private func tellsOfSecrets(_ store: String) -> Bool {
        guard let entry = components[store], entry.kind == OCTAVO_KIND_SECRET_STORE, let instance = entry.instance else { return false }
        return instance.featureSet.bits & UInt64(OCTAVO_SECRET_ROTATION) != 0
    }

    /// `name`: the secret that has changed; nil: any may have, while nobody heard.
    fileprivate func secretsChanged(_ watch: SecretWatch, _ name: String?) {
        guard secretWatches[watch.store] === watch else { return }
        if name == nil, watchTroubles.removeValue(forKey: watch.store) != nil {
            logger.info("the secrets of a store are watched again", metadata: ["component": "\(watch.store)"])
        }
        for (component, entry) in components
        where entry.definition.metadata.contains(where: {
            $0.reference?.store == watch.store && (name == nil || $0.reference?.name == name)
        }) {
            renewNow(component)
        }
    }

    /// Said once for each cause.
    fileprivate func secretWatchFailed(_ watch: SecretWatch, _ error: CallError) {
        guard secretWatches[watch.store] === watch, watchTroubles[watch.store] != error.message else { return }
        watchTroubles[watch.store] = error.message
        logger.warning(
            "the secrets of a store can't be watched; they are read again every refreshInterval, and the watch is tried again",
            metadata: ["component": "\(watch.store)", "cause": "\(error.message)"])
    }

    fileprivate func secretWatchEnded(_ watch: SecretWatch) {
        if secretWatches[watch.store] === watch { secretWatches[watch.store] = nil }
    }
}

/// A watch of the secrets of one store, on one event loop. Any thread.
final class SecretWatch: Sendable {
    let store: String
    let names: Set<String>
    private let loop: NIOLoopBound<CallLoop>
    private let source: NIOLoopBoundBox<ComponentSource?>

    init(_ store: String, _ names: Set<String>, on loop: NIOLoopBound<CallLoop>) {
        self.store = store
        self.names = names
        self.loop = loop
        source = .makeEmptyBox(valueType: ComponentSource.self, eventLoop: loop.eventLoop)
    }

    func begin(telling components: ComponentStore) {
        loop.eventLoop.execute { [self, weak components] in
            guard let components, let ref = loop.value.component(named: store) else { return }
            let names = names.sorted()
            source.value = ComponentSource(of: ref, window: 1, handler: Handler(self, components)) { ref, source, waiter in
                guard
                    var slot = ref.open(
                        OCTAVO_SECRET_OP_WATCH, octavo_secret_watch_request.self,
                        bytes: names.reduce(32) { $0 + $1.utf8.count + MemoryLayout<octavo_str>.stride + 4 },
                        deadline: ComponentSource.openDeadline, waiter: waiter)
                else { return }
                let request = slot.request
                request.pointee.source = source
                let (elements, list) = slot.list(of: octavo_str.self, count: names.count)
                for (index, name) in names.enumerated() { elements[index] = slot.text(name) }
                request.pointee.names = list
                slot.submit()
            }
        }
    }

    func end() {
        loop.eventLoop.execute { [self] in
            source.value?.end()
            source.value = nil
        }
    }

    private final class Handler: SourceHandler {
        private let watch: SecretWatch
        private weak var components: ComponentStore?

        init(_ watch: SecretWatch, _ components: ComponentStore) {
            self.watch = watch
            self.components = components
        }

        override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
            // The new values are read, as any others are: what was delivered is left where it is.
            let name = String(message.loadUnaligned(as: octavo_secret_rotation.self).secret.name)
            tell { [watch] in await $0.secretsChanged(watch, name) }
        }

        override func changed(_ state: SourceState) {
            switch state {
            case .open: tell { [watch] in await $0.secretsChanged(watch, nil) }
            case .failed(let error, _): tell { [watch] in await $0.secretWatchFailed(watch, error) }
            case .ended: tell { [watch] in await $0.secretWatchEnded(watch) }
            case .waiting: break
            }
        }

        private func tell(_ body: @escaping @Sendable (ComponentStore) async -> Void) {
            guard let components else { return }
            Task { await body(components) }
        }
    }
}

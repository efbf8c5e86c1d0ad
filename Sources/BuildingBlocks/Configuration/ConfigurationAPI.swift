import COctavo
package import Components

/// The configuration building block on one event loop.
package final class ConfigurationAPI {
    package let loop: CallLoop

    package init(loop: CallLoop) { self.loop = loop }

    package typealias Metadata = [(String, String)]

    /// Throws when there is no configuration store of that name.
    package func require(store name: String) throws(ConfigurationFailure) { _ = try store(name) }

    func store(_ name: String) throws(ConfigurationFailure) -> ComponentRef {
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_CONFIGURATION else {
            throw loop.allComponents.contains { $0.kind == OCTAVO_KIND_CONFIGURATION }
                ? .notFound(store: name) : .notConfigured
        }
        return ref
    }

    /// The items of those keys that exist; no keys, all that the store has. `done` is called once; not when this throws.
    package func get(
        store name: String, keys: [String], metadata: Metadata = [], deadline: Int64,
        done: @escaping (Result<[ConfigurationItem], ConfigurationFailure>) -> Void
    ) throws(ConfigurationFailure) {
        let ref = try store(name)
        run(ref) {
            guard
                var slot = ref.open(
                    OCTAVO_CONFIGURATION_OP_GET, octavo_configuration_keys_request.self,
                    bytes: Self.size(keys, metadata), deadline: deadline,
                    waiter: ConfigurationWaiter(name, .get, keys, done))
            else { return }
            let request = slot.request
            request.pointee.keys = slot.texts(keys)
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
    }

    /// Writes items. `done` is called once, with why it failed; not when this throws.
    package func set(
        store name: String, _ items: [ConfigurationItem], metadata: Metadata = [], deadline: Int64,
        done: @escaping (ConfigurationFailure?) -> Void
    ) throws(ConfigurationFailure) {
        let ref = try store(name)
        let keys = items.map(\.key)
        run(ref) {
            let stride = MemoryLayout<octavo_configuration_item>.stride
            let bytes = items.reduce(Self.size([], metadata)) { $0 + $1.size + stride }
            guard
                var slot = ref.open(
                    OCTAVO_CONFIGURATION_OP_SET, octavo_configuration_set_request.self, bytes: bytes, deadline: deadline,
                    waiter: ConfigurationWaiter(name, .set, keys) { done($0.failure) })
            else { return }
            let request = slot.request
            let (elements, list) = slot.list(of: octavo_configuration_item.self, count: items.count)
            for (index, item) in items.enumerated() {
                elements[index].key = slot.text(item.key)
                if let value = item.value { elements[index].value = slot.text(value) }
                if !item.version.isEmpty { elements[index].version = slot.text(item.version) }
                if !item.metadata.isEmpty { elements[index].metadata = slot.pairs(item.metadata) }
            }
            request.pointee.items = list
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
    }

    /// Removes items; those that do not exist are no error.
    package func remove(
        store name: String, keys: [String], metadata: Metadata = [], deadline: Int64,
        done: @escaping (ConfigurationFailure?) -> Void
    ) throws(ConfigurationFailure) {
        let ref = try store(name)
        run(ref) {
            guard
                var slot = ref.open(
                    OCTAVO_CONFIGURATION_OP_REMOVE, octavo_configuration_keys_request.self,
                    bytes: Self.size(keys, metadata), deadline: deadline,
                    waiter: ConfigurationWaiter(name, .remove, keys) { done($0.failure) })
            else { return }
            let request = slot.request
            request.pointee.keys = slot.texts(keys)
            if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
            slot.submit()
        }
    }

    /// Runs `body` when a store that starts on demand has done so; at once for every other.
    func run(_ ref: ComponentRef, _ body: @escaping () -> Void) {
        if ref.startsOnDemand { ref.whenSettled(body) } else { body() }
    }

    /// Room for keys and metadata in a request.
    static func size(_ keys: [String], _ metadata: Metadata) -> Int {
        keys.reduce(32) { $0 + $1.utf8.count + 20 } + metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
    }
}

extension RequestSlot {
    /// Copies texts into the request.
    mutating func texts(_ texts: [String]) -> octavo_list {
        if texts.isEmpty { return octavo_list() }
        let (elements, list) = self.list(of: octavo_str.self, count: texts.count)
        for (index, text) in texts.enumerated() { elements[index] = self.text(text) }
        return list
    }
}

extension Result {
    /// Why it failed; nil when it did not.
    var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

/// Of `get`, and of writes, whose reply is empty.
private final class ConfigurationWaiter: CallWaiter {
    private let store: String
    private let operation: ConfigurationFailure.Operation
    private let keys: [String]
    private let done: (Result<[ConfigurationItem], ConfigurationFailure>) -> Void

    init(
        _ store: String, _ operation: ConfigurationFailure.Operation, _ keys: [String],
        _ done: @escaping (Result<[ConfigurationItem], ConfigurationFailure>) -> Void
    ) {
        self.store = store
        self.operation = operation
        self.keys = keys
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard operation == .get else { return done(.success([])) }
        let items = reply?.loadUnaligned(as: octavo_configuration_get_reply.self).items ?? octavo_list()
        done(.success(items.elements(as: octavo_configuration_item.self).map { ConfigurationItem($0) }))
    }

    override func failed(_ error: CallError) {
        done(.failure(.component(store: store, operation: operation, keys: keys, error: error)))
    }
}

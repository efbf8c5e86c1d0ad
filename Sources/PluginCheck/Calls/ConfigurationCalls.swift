import COctavo
import NIOConcurrencyHelpers

/// A configuration store, called in the terms of a test.
package struct ConfigurationCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    /// One item; without a value it was removed.
    package struct Item: Sendable, Equatable, CustomStringConvertible {
        package var value: String?
        package var version: String?

        package init(value: String?, version: String? = nil) {
            self.value = value
            self.version = version
        }

        package var description: String { "\(value.map { "\"\($0)\"" } ?? "nothing")\(version.map { " version \($0)" } ?? "")" }
    }

    /// The items that exist; no keys: all.
    package func get(_ keys: [String]) throws -> [String: Item] {
        let arena = Arena()
        let found = try instance.call(OCTAVO_CONFIGURATION_OP_GET, request(keys, arena), arena) { reply in
            Self.items(reply.assumingMemoryBound(to: octavo_configuration_get_reply.self).pointee.items)
        }
        return found ?? [:]
    }

    package func set(_ items: [(String, Item)]) throws {
        let arena = Arena()
        var request = octavo_configuration_set_request()
        request.head = head(octavo_configuration_set_request.self)
        request.items = arena.list(
            items.map { key, item in
                var raw = octavo_configuration_item()
                raw.key = arena.str(key)
                raw.value = arena.str(item.value)
                raw.version = arena.str(item.version)
                return raw
            })
        try instance.call(OCTAVO_CONFIGURATION_OP_SET, request, arena) { _ in }
    }

    package func set(_ key: String, _ value: String) throws { try set([(key, Item(value: value))]) }

    package func remove(_ keys: [String]) throws {
        let arena = Arena()
        try instance.call(OCTAVO_CONFIGURATION_OP_REMOVE, request(keys, arena), arena) { _ in }
    }

    private func request(_ keys: [String], _ arena: Arena) -> octavo_configuration_keys_request {
        var request = octavo_configuration_keys_request()
        request.head = head(octavo_configuration_keys_request.self)
        request.keys = arena.list(keys.map { arena.str($0) })
        return request
    }

    static func items(_ list: octavo_list) -> [String: Item] {
        Dictionary(
            elements(list, of: octavo_configuration_item.self).map {
                (text($0.key) ?? "", Item(value: text($0.value), version: text($0.version)))
            }, uniquingKeysWith: { $1 })
    }
}

/// An open watch of configuration: what has come, in its order.
package final class ConfigurationListener: Sendable {
    package struct Change: Sendable, Equatable {
        package var items: [String: ConfigurationCalls.Item]
        /// These are all that there are.
        package var isPresent: Bool
    }

    private let came = NIOLockedValueBox<[Change]>([])
    private let closing: @Sendable () -> Void

    init(_ closing: @escaping @Sendable () -> Void) { self.closing = closing }

    func add(_ change: Change) { came.withLockedValue { $0.append(change) } }

    package var changes: [Change] { came.withLockedValue { $0 } }

    /// The last that came of a key; nil when nothing has.
    package func last(_ key: String) -> ConfigurationCalls.Item? {
        changes.last { !$0.isPresent && $0.items[key] != nil }?.items[key]
    }

    /// Waits for its end.
    package func end() { closing() }
}

/// An item of configuration of the plugin's own.
public struct ConfigurationItem: Equatable {
    /// One of its metadata.
    public struct Pair: Equatable {
        public var name: [UInt8]
        public var value: [UInt8]

        public init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    public var key: [UInt8]
    /// `nil`: it does not exist, or was removed.
    public var value: [UInt8]?
    /// Empty: the store has none.
    public var version: [UInt8]
    public var metadata: [Pair]

    public init(key: [UInt8], value: [UInt8]?, version: [UInt8] = [], metadata: [Pair] = []) {
        self.key = key
        self.value = value
        self.version = version
        self.metadata = metadata
    }

    /// What has to be told for `old` to become `new`: both are sorted by key.
    public static func changes(from old: [ConfigurationItem], to new: [ConfigurationItem]) -> [ConfigurationItem] {
        var found: [ConfigurationItem] = []
        var place = 0
        for item in new {
            while place < old.count, precedes(old[place].key, item.key) {
                found.append(ConfigurationItem(key: old[place].key, value: nil))
                place += 1
            }
            if place < old.count, old[place].key == item.key {
                if old[place] != item { found.append(item) }
                place += 1
            } else {
                found.append(item)
            }
        }
        while place < old.count {
            found.append(ConfigurationItem(key: old[place].key, value: nil))
            place += 1
        }
        return found
    }

    /// The order of keys: byte by byte.
    public static func precedes(_ one: [UInt8], _ other: [UInt8]) -> Bool { one.lexicographicallyPrecedes(other) }

    /// Gives the items to `body` in the form of the ABI; valid during the call.
    public static func withABI(_ items: [ConfigurationItem], _ body: (UnsafeBufferPointer<octavo_configuration_item>) -> Void) {
        var bytes: [UInt8] = []
        for item in items {
            bytes.append(contentsOf: item.key)
            if let value = item.value { bytes.append(contentsOf: value) }
            bytes.append(contentsOf: item.version)
            for pair in item.metadata { bytes += pair.name + pair.value }
        }
        // Empty texts need an address, too.
        bytes.append(0)
        bytes.withUnsafeBytes { bytes in
            var at = 0
            func take(_ count: Int) -> Str {
                defer { at += count }
                return Str(bytes.baseAddress! + at, count)
            }
            var list: [octavo_configuration_item] = []
            list.reserveCapacity(items.count)
            var pairs: [octavo_pair] = []
            for item in items {
                var raw = octavo_configuration_item()
                raw.key = take(item.key.count)
                if let value = item.value { raw.value = take(value.count) }
                if !item.version.isEmpty { raw.version = take(item.version.count) }
                for pair in item.metadata {
                    let name = take(pair.name.count)
                    pairs.append(octavo_pair(name: name, value: take(pair.value.count)))
                }
                list.append(raw)
            }
            pairs.withUnsafeBufferPointer { pairs in
                var first = 0
                for index in items.indices {
                    let count = items[index].metadata.count
                    list[index].metadata = octavo_list(UnsafeBufferPointer(rebasing: pairs[first..<first + count]))
                    first += count
                }
                list.withUnsafeBufferPointer(body)
            }
        }
    }
}

/// Which items a watch is about.
public struct WatchedKeys {
    /// Sorted; empty: all.
    public let keys: [[UInt8]]

    /// Of a list of `octavo_str`.
    public init(_ list: octavo_list) {
        var keys: [[UInt8]] = []
        for index in 0..<Int(list.count) { keys.append(list.at(index, as: octavo_str.self).pointee.array) }
        self.init(keys)
    }

    public init(_ keys: [[UInt8]]) {
        var keys = keys
        keys.sort { ConfigurationItem.precedes($0, $1) }
        self.keys = keys
    }

    public func contains(_ key: [UInt8]) -> Bool { keys.isEmpty || keys.contains(key) }

    /// Those of `items` that it is about.
    public func select(_ items: [ConfigurationItem]) -> [ConfigurationItem] {
        keys.isEmpty ? items : items.filter { keys.contains($0.key) }
    }
}

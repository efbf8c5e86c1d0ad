import PluginKit

/// Reads items: of keys, or of all keys that hold a text. What holds something else does not exist.
final class ItemsRead: Exchange {
    private static let step: Int64 = 1000
    /// More keys are no configuration.
    private static let limit = 1_000_000

    private let connection: Connection
    private var keys: [[UInt8]] = []
    private let readsAll: Bool
    private var cursor: [UInt8] = [0x30]
    /// Of `keys`, those that have been asked for.
    private var asked = 0
    private var items: [ConfigurationItem] = []
    private let done: (Result<[ConfigurationItem], PluginError>) -> Void

    private enum Step { case scan, read }
    private var now = Step.scan

    /// `done` gets those that exist, sorted by key.
    init(
        _ connection: Connection, _ watched: WatchedKeys, _ done: @escaping (Result<[ConfigurationItem], PluginError>) -> Void
    ) {
        self.connection = connection
        self.done = done
        keys = watched.keys
        readsAll = keys.isEmpty
        super.init(isRead: true)
    }

    func send() {
        if readsAll { scan() } else { read() }
    }

    private func expect(_ step: Step) {
        now = step
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
    }

    private func scan() {
        expect(.scan)
        connection.output.command(6)
        connection.output.argument("SCAN")
        connection.output.argument(cursor)
        connection.output.argument("COUNT")
        connection.output.argument(Self.step)
        connection.output.argument("TYPE")
        connection.output.argument("string")
    }

    private func read() {
        guard asked < keys.count else {
            items.sort { ConfigurationItem.precedes($0.key, $1.key) }
            return done(.success(items))
        }
        let count = min(keys.count - asked, Int(Self.step))
        expect(.read)
        connection.output.command(1 + count)
        connection.output.argument("MGET")
        for key in keys[asked..<asked + count] { connection.output.argument(key) }
        asked += count
    }

    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let head = answer.next()
        if head.kind == .error { return done(.failure(Failure.from(head.text, connection.settings))) }
        guard head.kind == .array else { return done(.failure(Failure.unexpected(connection.settings))) }
        switch now {
        case .scan: scanned(head, &answer)
        case .read: wasRead(head, &answer)
        }
    }

    private func scanned(_ head: RESPValue, _ answer: inout RESPReader) {
        cursor = answer.next().text.array
        let list = answer.next()
        guard head.integer == 2, list.kind == .array, !cursor.isEmpty else {
            return done(.failure(Failure.unexpected(connection.settings)))
        }
        for _ in 0..<Int(list.integer) { keys.append(answer.next().text.array) }
        guard keys.count <= Self.limit else {
            return done(
                .failure(
                    PluginError(
                        OCTAVO_CODE_RESOURCE_EXHAUSTED,
                        "The database holds more than \(Self.limit) texts. Name the keys, or give configuration a database of its own.")))
        }
        if cursor != [0x30] { return scan() }
        // A key may be listed twice.
        keys.sort { ConfigurationItem.precedes($0, $1) }
        var last: [UInt8]?
        keys.removeAll { key in
            defer { last = key }
            return key == last
        }
        read()
    }

    private func wasRead(_ head: RESPValue, _ answer: inout RESPReader) {
        let first = asked - min(asked, (asked - 1) % Int(Self.step) + 1)
        guard Int(head.integer) == asked - first else { return done(.failure(Failure.unexpected(connection.settings))) }
        for place in first..<asked {
            let value = answer.next()
            if value.kind == .text { items.append(StoredItem.item(keys[place], value.text)) }
        }
        read()
    }

    override func failed(_ number: Int, _ error: PluginError) { done(.failure(error)) }
}

/// How an item is kept: its value, and behind two pipes its version, if it has one. Source: Dapr's `configuration.redis`.
enum StoredItem {
    static func item(_ key: [UInt8], _ text: Str) -> ConfigurationItem {
        guard let end = separator(text.raw) else { return ConfigurationItem(key: key, value: text.array) }
        let version = UnsafeRawBufferPointer(rebasing: text.raw[(end + 2)...])
        return ConfigurationItem(
            key: key, value: [UInt8](text.raw[..<end]), version: [UInt8](version[..<(separator(version) ?? version.count)]))
    }

    static func separator(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count > 1 else { return nil }
        for place in 0..<text.count - 1 where text[place] == 0x7C && text[place + 1] == 0x7C { return place }
        return nil
    }
}

import PluginKit

/// The patterns of SCAN.
enum Glob {
    /// Everything that starts with the text.
    static func prefix(_ text: Str) -> [UInt8] {
        var pattern: [UInt8] = []
        for byte in text.raw { append(byte, to: &pattern) }
        pattern.append(0x2A)
        return pattern
    }

    /// `%` and `_` as `*` and `?`; the latter is one byte to the server.
    static func like(_ text: Str) -> [UInt8] {
        var pattern: [UInt8] = []
        var isQuoted = false
        for byte in text.raw {
            if isQuoted {
                append(byte, to: &pattern)
                isQuoted = false
            } else if byte == 0x5C {
                isQuoted = true
            } else if byte == 0x25 {
                pattern.append(0x2A)
            } else if byte == 0x5F {
                pattern.append(0x3F)
            } else {
                append(byte, to: &pattern)
            }
        }
        if isQuoted { append(0x5C, to: &pattern) }
        return pattern
    }

    private static func append(_ byte: UInt8, to pattern: inout [UInt8]) {
        switch byte {
        case 0x2A, 0x3F, 0x5B, 0x5D, 0x5C: pattern.append(0x5C)
        default: break
        }
        pattern.append(byte)
    }
}

/// Keys by SCAN. A token is the cursor and how many keys of its step are done. As the server says of SCAN:
/// a key that is there all the time is found, perhaps twice.
final class KeyScan: Exchange {
    private let connection: Connection
    private let reply: KeysReply
    private let pattern: [UInt8]
    private let limit: Int
    private var cursor: [UInt8]
    private var skip: Int
    private var bytes: [UInt8] = []
    private var places: [(start: Int, count: Int)] = []

    private static let step: Int64 = 1000

    init(_ connection: Connection, _ request: octavo_state_keys_request, _ reply: KeysReply) throws(PluginError) {
        self.connection = connection
        self.reply = reply
        pattern = request.style == OCTAVO_KEYS_LIKE ? Glob.like(request.pattern) : Glob.prefix(request.pattern)
        limit = request.limit == 0 ? 1000 : Int(request.limit)
        cursor = [0x30]
        skip = 0
        super.init(isRead: true)
        guard request.token.isPresent else { return }
        let token = request.token.array
        guard let colon = token.firstIndex(of: 0x3A),
            let start = token[..<colon].withUnsafeBytes({ Str($0).decimal }),
            let done = token[(colon + 1)...].withUnsafeBytes({ Str($0).decimal }), done <= 1 << 30
        else { throw .invalid("The page token was not given by this store. Start again without a token.") }
        cursor = []
        Decimal.with(start) { cursor.append(contentsOf: $0.raw) }
        skip = Int(done)
    }

    func send() {
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
        connection.output.command(6)
        connection.output.argument("SCAN")
        connection.output.argument(cursor)
        connection.output.argument("MATCH")
        connection.output.argument(pattern)
        connection.output.argument("COUNT")
        connection.output.argument(KeyScan.step)
    }

    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let head = answer.next()
        if head.kind == .error { return reply.call.fail(Failure.from(head.text, connection.settings)) }
        let next = answer.next().text.array, list = answer.next()
        guard head.kind == .array, list.kind == .array, !next.isEmpty else {
            return reply.call.fail(Failure.unexpected(connection.settings))
        }
        let count = Int(list.integer)
        var taken = 0
        while taken < count {
            let key = answer.next().text
            if taken >= skip {
                if places.count == limit { return finish(cursor, taken) }
                places.append((bytes.count, key.count))
                bytes.append(contentsOf: key.raw)
            }
            taken += 1
        }
        skip = 0
        cursor = next
        if next == [0x30] { return finish(nil, 0) }
        if places.count == limit || !reply.call.isOpen { return finish(cursor, 0) }
        send()
    }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }

    private func finish(_ cursor: [UInt8]?, _ done: Int) {
        var token = cursor ?? []
        if cursor != nil {
            token.append(0x3A)
            Decimal.append(Int64(done), to: &token)
        }
        bytes.append(0)
        bytes.withUnsafeBytes { bytes in
            var keys: [Str] = []
            keys.reserveCapacity(places.count)
            for place in places { keys.append(Str(bytes.baseAddress! + place.start, place.count)) }
            keys.withUnsafeBufferPointer { keys in
                token.withUnsafeBytes { reply.keys(keys, token: token.isEmpty ? .absent : Str($0)) }
            }
        }
    }
}

/// Removes everything with a prefix, one step of SCAN after the other: not atomic with other writes.
final class PrefixRemoval: Exchange {
    private let connection: Connection
    private let reply: CountReply
    private let pattern: [UInt8]
    private var cursor: [UInt8] = [0x30]
    private var removed: UInt64 = 0

    init(_ connection: Connection, _ prefix: Str, _ reply: CountReply) throws(PluginError) {
        self.connection = connection
        self.reply = reply
        pattern = Glob.prefix(prefix)
        super.init(isRead: false)
    }

    func send() {
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: 0))
        connection.output.command(6)
        connection.output.argument("SCAN")
        connection.output.argument(cursor)
        connection.output.argument("MATCH")
        connection.output.argument(pattern)
        connection.output.argument("COUNT")
        connection.output.argument(1000)
    }

    /// Replies of SCAN have number 0, those of UNLINK number 1.
    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let head = answer.next()
        if head.kind == .error { return reply.call.fail(Failure.from(head.text, connection.settings)) }
        if number == 1 {
            guard head.kind == .integer, (0...Int64(UInt32.max)).contains(head.integer) else {
                return reply.call.fail(Failure.unexpected(connection.settings))
            }
            removed &+= UInt64(head.integer)
            return proceed()
        }
        cursor = answer.next().text.array
        let list = answer.next()
        guard head.kind == .array, list.kind == .array, !cursor.isEmpty else {
            return reply.call.fail(Failure.unexpected(connection.settings))
        }
        let count = Int(list.integer)
        guard count > 0 else { return proceed() }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: 1))
        connection.output.command(1 + count)
        connection.output.argument("UNLINK")
        for _ in 0..<count { connection.output.argument(answer.next().text) }
    }

    private func proceed() {
        if cursor == [0x30] { reply.count(removed) } else { send() }
    }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
}

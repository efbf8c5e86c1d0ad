import PluginKit

/// All writes or none, by one script.
final class Transaction: Exchange {
    private let connection: Connection
    private let writes: octavo_list
    private let reply: EmptyReply

    init(_ connection: Connection, _ writes: octavo_list, _ reply: EmptyReply) {
        self.connection = connection
        self.writes = writes
        self.reply = reply
        super.init(isRead: false)
    }

    func send(withSource: Bool) {
        let count = Int(writes.count), output = connection.output
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
        connection.appendScript(.transact, withSource: withSource, keys: count, arguments: 5 * count)
        for index in 0..<count { output.argument(writes.at(index, as: octavo_state_write.self).pointee.key) }
        for index in 0..<count {
            let write = writes.at(index, as: octavo_state_write.self)
            let isSet = write.pointee.operation == OCTAVO_STATE_SET
            output.argument(isSet ? "s" : "r")
            connection.appendGuard(write)
            output.argument(isSet ? connection.milliseconds(write) : 0)
            output.argument(Str(write.pointee.value.raw))
        }
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let value = reply.next()
        if value.kind == .error {
            if value.text.hasPrefix(Str("NOSCRIPT")) { return send(withSource: true) }
            return self.reply.call.fail(Failure.from(value.text, connection.settings))
        }
        if value.kind == .array, value.integer == 0 { return self.reply.done() }
        // Which write was refused, counted from 1, and why.
        let position = reply.next(), word = reply.next()
        guard value.kind == .array, value.integer == 2, position.kind == .integer,
            (1...Int64(max(writes.count, 1))).contains(position.integer)
        else { return self.reply.call.fail(Failure.unexpected(connection.settings)) }
        var error = word.text.equals(Script.exists) ? PluginError.keyExists : .etagMismatch
        error.index = Int(position.integer) - 1
        self.reply.call.fail(error)
    }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
}

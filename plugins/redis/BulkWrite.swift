import PluginKit

/// Many writes in one go, each on its own; answers when the last reply is there.
final class BulkWrite: Exchange {
    private let connection: Connection
    private let writes: octavo_list
    private let operation: Int32?
    private let reply: BulkWriteReply
    private var left: Int
    private var versions: [Int64]
    private var errors: [PluginError?]

    init(_ connection: Connection, _ writes: octavo_list, _ operation: Int32?, _ reply: BulkWriteReply) {
        self.connection = connection
        self.writes = writes
        self.operation = operation
        self.reply = reply
        left = Int(writes.count)
        versions = [Int64](repeating: 0, count: left)
        errors = [PluginError?](repeating: nil, count: left)
        super.init(isRead: false)
    }

    private func write(_ number: Int) -> UnsafePointer<octavo_state_write> {
        writes.at(number, as: octavo_state_write.self)
    }

    private func isRemoval(_ number: Int) -> Bool {
        (operation ?? write(number).pointee.operation) == OCTAVO_STATE_REMOVE
    }

    func send() {
        // One more, so that the answer can't go out before all are sent.
        left += 1
        for number in 0..<Int(writes.count) {
            do throws(PluginError) {
                try write(number).checkEtag()
                send(number, withSource: false)
            } catch {
                failed(number, error)
            }
        }
        count()
    }

    private func send(_ number: Int, withSource: Bool) {
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: number))
        if isRemoval(number) {
            connection.appendRemove(write(number), withSource: withSource)
        } else {
            connection.appendSet(write(number), withSource: withSource)
        }
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let value = reply.next()
        if value.kind == .error, value.text.hasPrefix(Str("NOSCRIPT")) { return send(number, withSource: true) }
        do throws(PluginError) { versions[number] = try connection.version(value) } catch { errors[number] = error }
        count()
    }

    override func failed(_ number: Int, _ error: PluginError) {
        errors[number] = error
        count()
    }

    private func count() {
        left -= 1
        if left > 0 { return }
        // Twenty digits each, in memory that stays until the reply is sent.
        let digits = UnsafeMutablePointer<UInt8>.allocate(capacity: 20 * max(versions.count, 1))
        defer { digits.deallocate() }
        let results = WriteResults(capacity: versions.count)
        for number in versions.indices {
            let key = write(number).pointee.key
            if let error = errors[number] {
                results.add(key, error: error)
            } else if isRemoval(number) {
                results.add(key, etag: .absent)
            } else {
                let end = digits + 20 * (number + 1)
                let start = Decimal.write(UInt64(max(versions[number], 0)), before: end)
                results.add(key, etag: Str(UnsafeRawPointer(start), end - start))
            }
        }
        results.send(reply)
    }
}

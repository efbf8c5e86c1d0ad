import PluginKit

/// Reads a stream as a member of a consumer group, on a connection of its own: the server makes it wait for messages. On the
/// reactor thread.
final class StreamReader: Exchange {
    let source: Source
    private unowned(unsafe) let owner: RedisBroker
    private let topic: [UInt8]
    private let group: [UInt8]
    private let connection: Connection
    private var opening: Call?
    private(set) var isOver = false
    /// Over, and what the server may have on its way is still awaited.
    private var isLeaving = false
    /// Nothing comes of it any more.
    var isGone: Bool { isOver && !isLeaving }

    private var credit = 0
    private var isReading = false
    /// Fetched, and not delivered for want of credit; or to be delivered again.
    private var waiting: [StreamEntry] = []
    private var unsettled: [UInt64: StreamEntry] = [:]
    /// Settled in this turn: one command acknowledges them all.
    private var acknowledged: [[UInt8]] = []
    private var acknowledgeLater: Later!
    private var nextToken: UInt64 = 1
    private var claimTimer: Timer!
    private var isClaiming = false
    private var mustClaimAgain = false
    private var claimFrom: [UInt8] = [0x30, 0x2D, 0x30]

    /// Numbers of commands.
    private static let makeGroup = 0, read = 1, claim = 2
    /// Messages that one command asks for.
    private static let batch = 256

    init(_ owner: RedisBroker, _ source: Source, _ topic: [UInt8], _ group: [UInt8], _ instance: Instance, tls: OpaquePointer?) {
        self.owner = owner
        self.source = source
        self.topic = topic
        self.group = group
        connection = Connection(owner.settings, instance, scripts: [])
        super.init(isRead: true)
        connection.tls = tls
        connection.onChange = { [unowned(unsafe) self] in self.changed($0) }
        connection.onResolved = { [unowned(unsafe) owner] in owner.readerResolved() }
        acknowledgeLater = Later(instance)
        claimTimer = Timer(instance) { [unowned(unsafe) self] in self.claimLost() }
    }

    var isResolving: Bool { connection.isResolving }

    /// Joins the group; `call` ends when that is done.
    func open(_ call: Call) {
        opening = call
        connection.open()
    }

    /// What it has and has not settled is for whoever comes next, at once. Unless it is to close at once, it waits for the
    /// answer to its last command: what the server has given to it and nobody has seen would wait for the processing timeout.
    func end(atOnce: Bool = false) {
        if isLeaving, atOnce {
            isLeaving = false
            connection.close()
        }
        guard !isOver else { return }
        isOver = true
        claimTimer.cancel()
        acknowledge()
        release(unsettled.values.map { $0.id } + waiting.map { $0.id })
        unsettled = [:]
        waiting = []
        opening?.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The subscription was given up."))
        opening = nil
        if isReading, !atOnce { isLeaving = true } else { connection.close() }
    }

    private func release(_ left: [[UInt8]]) {
        if !left.isEmpty, owner.broker.processingTimeout > 0 {
            let idle = owner.broker.processingTimeout / 1_000_000
            owner.tell { output in
                output.command(8 + left.count)
                output.argument("XCLAIM")
                output.argument(topic)
                output.argument(group)
                output.argument(group)
                output.argument(0)
                for id in left { output.argument(id) }
                output.argument("IDLE")
                output.argument(idle)
                output.argument("JUSTID")
            }
            owner.released(topic, group)
        }
    }

    /// The last answer has come.
    private func leave(_ reply: inout RESPReader) {
        let head = reply.next()
        if head.kind == .array, head.integer == 1 {
            _ = reply.next() // a pair
            _ = reply.next() // the stream's name
            let list = reply.next()
            var ids: [[UInt8]] = []
            if list.kind == .array {
                for _ in 0..<list.integer { if let entry = StreamEntry(&reply) { ids.append(entry.id) } }
            }
            release(ids)
        }
        isLeaving = false
        connection.close()
    }

    /// Another consumer of this process has given back messages of the group.
    func claimReleased(_ topic: [UInt8], _ group: [UInt8]) {
        guard !isOver, topic == self.topic, group == self.group else { return }
        claimFrom = [0x30, 0x2D, 0x30]
        if isClaiming { mustClaimAgain = true } else { claimLost() }
    }

    private func fail(_ error: PluginError) {
        guard !isOver else { return }
        if let call = opening {
            opening = nil
            call.fail(error)
        } else {
            source.fail(error)
        }
        end(atOnce: true)
    }

    private func changed(_ error: PluginError?) {
        if isLeaving, error != nil {
            isLeaving = false
            connection.close()
        }
        guard !isOver else { return }
        if let error { return fail(error) }
        // From the beginning of the stream, as Dapr has it.
        expect(Self.makeGroup)
        let output = connection.output
        output.command(6)
        output.argument("XGROUP")
        output.argument("CREATE")
        output.argument(topic)
        output.argument(group)
        output.argument(0)
        output.argument("MKSTREAM")
    }

    private func expect(_ number: Int) {
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: number))
    }

    // MARK: Credit

    func grant(_ messages: Int) {
        credit = messages == 0 ? 0 : credit + messages
        deliverWaiting()
        readMore()
    }

    func settle(_ token: UInt64, again: Bool) {
        guard var entry = unsettled.removeValue(forKey: token) else { return }
        if again {
            entry.attempt &+= 1
            waiting.append(entry)
            return deliverWaiting()
        }
        acknowledged.append(entry.id)
        if acknowledged.count == 1 {
            acknowledgeLater.ask { self.acknowledge() }
        } else if acknowledged.count == Self.batch {
            acknowledge()
        }
    }

    private func acknowledge() {
        guard !acknowledged.isEmpty else { return }
        owner.tell { output in
            output.command(3 + acknowledged.count)
            output.argument("XACK")
            output.argument(topic)
            output.argument(group)
            for id in acknowledged { output.argument(id) }
        }
        acknowledged.removeAll(keepingCapacity: true)
    }

    private func deliverWaiting() {
        guard !isOver else { return }
        var taken = 0, hasEnded = false
        while credit > 0, taken < waiting.count, !hasEnded {
            switch deliver(waiting[taken]) {
            case .done: taken += 1
            case .noCredit: credit = 0
            case .ended:
                taken += 1
                hasEnded = true
            }
        }
        // All at once: one by one, each would move the rest.
        waiting.removeFirst(taken)
        if hasEnded { end() }
    }

    private func deliver(_ entry: StreamEntry) -> Source.Delivered {
        let token = nextToken
        nextToken += 1
        credit -= 1
        unsettled[token] = entry
        let result = entry.deliver(to: source, token, topic)
        if result == .noCredit { unsettled[token] = nil }
        return result
    }

    // MARK: Reading

    private func readMore() {
        guard opening == nil, !isOver, !isReading, credit > 0, waiting.isEmpty, connection.isReady else { return }
        isReading = true
        expect(Self.read)
        let output = connection.output
        output.command(11)
        output.argument("XREADGROUP")
        output.argument("GROUP")
        output.argument(group)
        output.argument(group)
        output.argument("COUNT")
        output.argument(Int64(min(credit, Self.batch)))
        output.argument("BLOCK")
        // So that the silence of a server that is there is not taken for its death.
        output.argument(max(owner.settings.readTimeout / 2_000_000, 1))
        output.argument("STREAMS")
        output.argument(topic)
        output.argument(">")
    }

    /// Takes what a consumer has had for too long: it has gone, or its connection has.
    private func claimLost() {
        guard !isOver, owner.broker.claims, connection.isReady else { return }
        claimTimer.set(after: owner.broker.redeliverInterval)
        // Its connection waits for messages: the other one does not.
        guard !isClaiming else { return }
        isClaiming = true
        owner.ask(self, Self.claim) { output in
            output.command(8)
            output.argument("XAUTOCLAIM")
            output.argument(topic)
            output.argument(group)
            output.argument(group)
            output.argument(owner.broker.processingTimeout / 1_000_000)
            output.argument(claimFrom)
            output.argument("COUNT")
            output.argument(Int64(Self.batch))
        }
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        if isLeaving, number == Self.read { return leave(&reply) }
        guard !isOver else { return }
        let head = reply.next()
        switch number {
        case Self.makeGroup:
            if head.kind == .error, !head.text.hasPrefix(Str("BUSYGROUP")) { return fail(Failure.from(head.text, owner.settings)) }
            let call = opening
            opening = nil
            call?.done()
            claimLost()
        case Self.read:
            isReading = false
            if head.kind == .error { return fail(Failure.from(head.text, owner.settings)) }
            if head.kind == .array, head.integer == 1 {
                _ = reply.next() // a pair
                _ = reply.next() // the stream's name
                take(&reply)
            }
            readMore()
        default:
            isClaiming = false
            // An older server does not know the command: then nobody's messages are taken over.
            guard head.kind == .array, head.integer >= 2 else { return }
            claimFrom = reply.next().text.array
            let count = take(&reply)
            if mustClaimAgain {
                mustClaimAgain = false
                claimFrom = [0x30, 0x2D, 0x30]
                claimLost()
            } else if count == Self.batch {
                claimLost()
            }
        }
    }

    override func failed(_ number: Int, _ error: PluginError) {
        if isLeaving, number == Self.read {
            isLeaving = false
            return connection.close()
        }
        if number == Self.claim { isClaiming = false } else { fail(error) }
    }

    /// Entries of a reply. Those that are with us already are passed over.
    @discardableResult
    private func take(_ reply: inout RESPReader) -> Int {
        let list = reply.next()
        guard list.kind == .array else { return 0 }
        var known: Set<[UInt8]> = []
        if isClaimingAny {
            known.reserveCapacity(unsettled.count + waiting.count)
            for entry in unsettled.values { known.insert(entry.id) }
            for entry in waiting { known.insert(entry.id) }
        }
        for _ in 0..<list.integer {
            guard let entry = StreamEntry(&reply) else { continue }
            if known.contains(entry.id) { continue }
            waiting.append(entry)
        }
        deliverWaiting()
        return Int(list.integer)
    }

    private var isClaimingAny: Bool { !unsettled.isEmpty || !waiting.isEmpty }
}

/// An entry of a stream: Dapr's fields `data` and `metadata`.
struct StreamEntry {
    let id: [UInt8]
    private let data: [UInt8]
    private let metadata: [([UInt8], [UInt8])]
    var attempt: UInt32 = 0

    /// Reads one; `nil` for one that was deleted.
    init?(_ reply: inout RESPReader) {
        let pair = reply.next()
        guard pair.kind == .array, pair.integer == 2 else { return nil }
        id = reply.next().text.array
        let fields = reply.next()
        guard fields.kind == .array else { return nil }
        var data: [UInt8] = [], metadata: [([UInt8], [UInt8])] = []
        for _ in 0..<fields.integer / 2 {
            let name = reply.next().text, value = reply.next().text
            if name.equals("data") {
                data = value.array
            } else if name.equals("metadata") {
                metadata = MetadataText.read(value) ?? []
            }
        }
        self.data = data
        self.metadata = metadata
    }

    func deliver(to source: Source, _ token: UInt64, _ topic: [UInt8]) -> Source.Delivered {
        var message = octavo_pubsub_message()
        message.attempt = attempt
        return topic.withUnsafeBytes { topic in
            data.withUnsafeBytes { data in
                id.withUnsafeBytes { id in
                    message.topic = Str(topic)
                    message.data = Bytes(data)
                    message.message_id = Str(id)
                    guard !metadata.isEmpty else { return source.deliver(token, &message) }
                    return PairList.with(metadata) { list in
                        message.metadata = list
                        return source.deliver(token, &message)
                    }
                }
            }
        }
    }
}

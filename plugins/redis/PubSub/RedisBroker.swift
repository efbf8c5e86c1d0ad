import PluginKit

/// `pubsub.redis`: a stream for each topic, a consumer group for each app, as Dapr has them. Everything happens on the
/// instance's reactor thread.
final class RedisBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_ORDERING

    let settings: Settings
    let broker: BrokerSettings
    private let client: Client
    private var readers: [StreamReader] = []

    init(_ settings: Settings, _ broker: BrokerSettings, _ instance: Instance) {
        self.settings = settings
        self.broker = broker
        client = Client(settings, instance)
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
        client.isBusy = { [unowned(unsafe) self] in
            for reader in self.readers where reader.isResolving { return true }
            return false
        }
    }

    override func start(_ call: Call) throws(PluginError) { try client.start(call) }
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    override func stop(_ call: Call) throws(PluginError) {
        for reader in readers { reader.end(atOnce: true) }
        client.stop(call)
    }

    // MARK: Publishing

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        let connection = try client.pick()
        let metadata = request.pointee.head.metadata
        var arguments = 5
        if broker.maxLength > 0 || broker.streamTTL > 0 { arguments += 3 }
        if metadata.count > 0 { arguments += 2 }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: Publication(settings, reply)))
        let output = connection.output
        output.command(arguments)
        output.argument("XADD")
        output.argument(request.pointee.topic)
        if broker.maxLength > 0 {
            output.argument("MAXLEN")
            output.argument("~")
            output.argument(broker.maxLength)
        } else if broker.streamTTL > 0 {
            output.argument("MINID")
            output.argument("~")
            output.argument(max(plugin_kit_wall() / 1_000_000 - broker.streamTTL, 0))
        }
        output.argument("*")
        output.argument("data")
        output.argument(Str(request.pointee.data.raw))
        if metadata.count > 0 {
            output.argument("metadata")
            output.argument(MetadataText.write(metadata))
        }
    }

    private final class Publication: Exchange {
        private let settings: Settings
        private let reply: PublishReply

        init(_ settings: Settings, _ reply: PublishReply) {
            self.settings = settings
            self.reply = reply
            super.init(isRead: false)
        }

        override func answered(_ number: Int, _ reader: inout RESPReader) {
            let value = reader.next()
            if value.kind == .error { reply.call.fail(Failure.from(value.text, settings)) } else { reply.published(value.text) }
        }

        override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
    }

    // MARK: Subscribing

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        let group = request.pointee.group.isEmpty ? request.pointee.head.app_id : request.pointee.group
        guard !group.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        let reader = StreamReader(self, Source(request.pointee.source), request.pointee.topic.array, group.array, instance, tls: client.tls)
        // One that has ended by itself goes when the next one comes.
        readers.removeAll { $0.isGone }
        readers.append(reader)
        reader.open(reply.call)
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        if let reader = find(source) { reader.end() }
        reply.done()
    }

    override func credit(_ source: Source, _ messages: Int) { find(source)?.grant(messages) }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        find(Source(request.pointee.source))?.settle(request.pointee.token, again: request.pointee.outcome == OCTAVO_SETTLE_RETRY)
    }

    private func find(_ source: Source) -> StreamReader? {
        for reader in readers where reader.source == source && !reader.isOver { return reader }
        return nil
    }

    /// Messages of a group are for its other consumers.
    func released(_ topic: [UInt8], _ group: [UInt8]) {
        for reader in readers { reader.claimReleased(topic, group) }
    }

    func readerResolved() { client.finishStop() }

    /// Sends a command on the connection that nothing blocks, for `exchange`.
    func ask(_ exchange: Exchange, _ number: Int, _ write: (ByteQueue) -> Void) {
        guard let connection = try? client.pick() else {
            return exchange.failed(number, PluginError(OCTAVO_CODE_UNAVAILABLE, "There is no connection."))
        }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: exchange, number: number))
        write(connection.output)
    }

    /// Sends a command whose reply does not matter: what it is for comes again if it fails.
    func tell(_ write: (ByteQueue) -> Void) {
        guard let connection = try? client.pick() else { return }
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: Exchange(isRead: true)))
        write(connection.output)
    }
}

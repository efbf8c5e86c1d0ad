import PluginKit

/// The thread that reads and writes messages.
final class BrokerEngine {
    enum Command {
        case publish(UnsafePointer<octavo_pubsub_publish_request>, PublishReply)
        case subscribe(Source, [UInt8], [UInt8], EmptyReply)
        case unsubscribe(Source, EmptyReply)
        case credit(Source, Int)
        case settle(Source, UInt64, again: Bool)
        case health(Call)
    }

    /// What one source is to be given, and has.
    private final class Consumer {
        let source: Source
        let topic: [UInt8]
        let group: [UInt8]
        var credit = 0
        /// Taken, and to be delivered when there is credit.
        var waiting: [StoredMessage] = []
        var unsettled: [UInt64: StoredMessage] = [:]
        /// There may be more than it was given.
        var mayHaveMore = true

        init(_ source: Source, _ topic: [UInt8], _ group: [UInt8]) {
            self.source = source
            self.topic = topic
            self.group = group
        }
    }

    /// Messages that one look takes.
    private static let batch = 256
    /// Above this publications are refused: the disk does not keep up.
    private static let limit = 16_384
    /// How late a message of another process may be noticed. Nanoseconds.
    private static let pause: Int64 = 20_000_000
    private static let sweepInterval: Int64 = 10_000

    private let tables: BrokerTables
    private let broker: BrokerSettings
    private let instance: Instance
    private let monitor = Monitor()
    private var thread: OwnThread?
    /// Under the monitor.
    private var commands: [Command] = []
    private var isStopping = false
    private var hasConsumers = false

    /// Of the thread.
    private var consumers: [Consumer] = []
    private var nextToken: UInt64 = 1
    private var number: Int64 = -1
    private var nextRenewal: Int64 = 0
    private var nextSweep: Int64 = 0
    private var isUnhealthy = false
    /// Acknowledgements that could not be written yet.
    private var owed: [(topic: [UInt8], group: [UInt8], id: Int64, step: Step)] = []
    private enum Step { case done, again, release }

    init(_ tables: BrokerTables, _ broker: BrokerSettings, _ instance: Instance) throws(PluginError) {
        self.tables = tables
        self.broker = broker
        self.instance = instance
        thread = OwnThread.start(name: "sqlite-broker") { [unowned(unsafe) self] in self.run() }
        guard thread != nil else { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread for messages.") }
    }

    func add(_ command: Command) throws(PluginError) {
        enum Outcome { case taken, full, closed }
        let outcome: Outcome = monitor.with {
            if isStopping { return .closed }
            if case .publish = command, commands.count >= Self.limit { return .full }
            commands.append(command)
            if commands.count == 1 { monitor.wakeAll() }
            return .taken
        }
        switch outcome {
        case .taken: return
        case .closed: throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The broker is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
        case .full:
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED,
                "\(Self.limit) messages wait for the disk already. Publish less, or use a faster disk.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
    }

    /// Does what was put down before, and gives back what consumers have.
    func stop() {
        monitor.with {
            isStopping = true
            monitor.wakeAll()
        }
        thread?.join()
    }

    private var now: Int64 { plugin_kit_wall() / 1_000_000 }

    private func run() {
        while true {
            let (batch, isLast) = monitor.with { () -> ([Command], Bool) in
                if commands.isEmpty, !isStopping {
                    if hasConsumers { monitor.wait(atMost: Self.pause) } else { monitor.wait() }
                }
                let batch = commands
                commands = []
                return (batch, isStopping)
            }
            work(batch)
            if isLast, batch.isEmpty { break }
        }
        for consumer in consumers { leave(consumer) }
        settleOwed()
    }

    private func work(_ batch: [Command]) {
        publish(batch)
        for command in batch { steer(command) }
        settleOwed()
        answer(batch)
        look()
        keepHouse()
    }

    // MARK: Publishing

    private func publish(_ batch: [Command]) {
        var published: [(PublishReply, Int64)] = []
        var failed: [(PublishReply, PluginError)] = []
        for command in batch {
            guard case .publish(let request, let reply) = command else { continue }
            do throws(PluginError) {
                if published.isEmpty { try tables.beginPublishing() }
                published.append((reply, try tables.publish(request)))
            } catch {
                failed.append((reply, error))
                if published.isEmpty { tables.giveUpPublishing() }
            }
        }
        if !published.isEmpty {
            do throws(PluginError) {
                try tables.commitPublished()
                for (reply, id) in published { Decimal.with(UInt64(id)) { reply.published($0) } }
                for consumer in consumers { consumer.mayHaveMore = true }
            } catch {
                tables.giveUpPublishing()
                for (reply, _) in published { reply.call.fail(error) }
            }
        }
        for (reply, error) in failed { reply.call.fail(error) }
    }

    // MARK: Consumers

    private func find(_ source: Source) -> Consumer? {
        for consumer in consumers where consumer.source == source { return consumer }
        return nil
    }

    private func steer(_ command: Command) {
        switch command {
        case .credit(let source, let messages):
            guard let consumer = find(source) else { return }
            consumer.credit = messages == 0 ? 0 : consumer.credit + messages
        case .settle(let source, let token, let isAgain):
            guard let consumer = find(source), var message = consumer.unsettled.removeValue(forKey: token) else { return }
            owed.append((consumer.topic, consumer.group, message.id, isAgain ? .again : .done))
            if isAgain {
                message.attempt &+= 1
                consumer.waiting.append(message)
            }
        case .unsubscribe(let source, _):
            guard let consumer = find(source) else { return }
            leave(consumer)
            consumers.removeAll { $0.source == source }
        case .publish, .subscribe, .health: break
        }
    }

    /// What it has is for whoever comes next, at once.
    private func leave(_ consumer: Consumer) {
        for message in consumer.unsettled.values { owed.append((consumer.topic, consumer.group, message.id, .release)) }
        for message in consumer.waiting { owed.append((consumer.topic, consumer.group, message.id, .release)) }
        consumer.unsettled = [:]
        consumer.waiting = []
    }

    /// What can't be written now is tried again with the next batch; until then a lease keeps the message.
    private func settleOwed() {
        guard !owed.isEmpty else { return }
        note(
            attempt { () throws(PluginError) in
                try tables.transaction { () throws(PluginError) in
                    for one in owed {
                        switch one.step {
                        case .done: try tables.done(one.topic, one.group, one.id)
                        case .again: try tables.again(one.topic, one.group, one.id)
                        case .release: try tables.release(one.topic, one.group, one.id)
                        }
                    }
                }
                owed = []
            })
    }

    private func answer(_ batch: [Command]) {
        for command in batch {
            switch command {
            case .unsubscribe(_, let reply): reply.done()
            case .health(let call):
                if let error = attempt({ () throws(PluginError) in try tables.check() }) { call.fail(error) } else { call.done() }
            case .subscribe(let source, let topic, let group, let reply):
                if let error = attempt({ () throws(PluginError) in try tables.join(topic, group) }) {
                    reply.call.fail(error)
                } else {
                    consumers.append(Consumer(source, topic, group))
                    reply.done()
                }
            case .publish, .credit, .settle: break
            }
        }
        let any = !consumers.isEmpty
        monitor.with { hasConsumers = any }
    }

    // MARK: Delivering

    private func look() {
        guard !consumers.isEmpty else { return }
        var hasChanged = false
        note(
            attempt { () throws(PluginError) in
                let now = try tables.changeNumber()
                hasChanged = now != number
                number = now
            })
        var ended: [Source] = []
        for consumer in consumers {
            if hasChanged { consumer.mayHaveMore = true }
            take(consumer)
            if !deliver(consumer) { ended.append(consumer.source) }
        }
        for source in ended {
            if let consumer = find(source) { leave(consumer) }
            consumers.removeAll { $0.source == source }
        }
    }

    private func take(_ consumer: Consumer) {
        let wanted = min(consumer.credit - consumer.waiting.count, Self.batch)
        guard consumer.mayHaveMore, wanted > 0 else { return }
        note(
            attempt { () throws(PluginError) in
                var taken: [StoredMessage] = []
                try tables.transaction { () throws(PluginError) in
                    taken = try tables.take(consumer.topic, consumer.group, wanted, now: now, until: now + broker.lease)
                }
                consumer.waiting.append(contentsOf: taken)
                consumer.mayHaveMore = taken.count == wanted
                // The rest of a long line comes with the next turn.
                if consumer.mayHaveMore { monitor.with { monitor.wakeAll() } }
            })
    }

    /// `false`: it has ended.
    private func deliver(_ consumer: Consumer) -> Bool {
        var sent = 0
        defer { consumer.waiting.removeFirst(sent) }
        while consumer.credit > 0, sent < consumer.waiting.count {
            let message = consumer.waiting[sent]
            let token = nextToken
            nextToken += 1
            consumer.unsettled[token] = message
            switch deliver(message, token, consumer) {
            case .done:
                consumer.credit -= 1
                sent += 1
            case .noCredit:
                consumer.credit = 0
                consumer.unsettled[token] = nil
            case .ended:
                consumer.unsettled[token] = nil
                return false
            }
        }
        return true
    }

    private func deliver(_ message: StoredMessage, _ token: UInt64, _ consumer: Consumer) -> Source.Delivered {
        var raw = octavo_pubsub_message()
        raw.attempt = message.attempt
        raw.published_ns = message.published &* 1_000_000
        return consumer.topic.withUnsafeBytes { topic in
            message.data.withUnsafeBytes { data in
                message.contentType.withUnsafeBytes { type in
                    raw.topic = Str(topic)
                    raw.data = Bytes(data)
                    raw.content_type = Str(type)
                    guard !message.pairs.isEmpty else { return consumer.source.deliver(token, &raw) }
                    return PairList.with(message.pairs) { list in
                        raw.metadata = list
                        return consumer.source.deliver(token, &raw)
                    }
                }
            }
        }
    }

    // MARK: Housekeeping

    private func keepHouse() {
        let now = now
        if now >= nextRenewal, !consumers.isEmpty {
            nextRenewal = now + broker.lease / 3
            note(attempt { () throws(PluginError) in try tables.renew(until: now + broker.lease) })
            // Those of a consumer that has gone are noticed, too.
            for consumer in consumers { consumer.mayHaveMore = true }
        }
        if now >= nextSweep {
            nextSweep = now + Self.sweepInterval
            note(
                attempt { () throws(PluginError) in
                    if try tables.sweep(before: broker.retention > 0 ? now - broker.retention : 0) { nextSweep = now }
                })
        }
    }

    private func attempt(_ body: () throws(PluginError) -> Void) -> PluginError? {
        do throws(PluginError) {
            try body()
            return nil
        } catch { return error }
    }

    /// The health of the instance is that of its last access to the database.
    private func note(_ error: PluginError?) {
        if let error {
            isUnhealthy = true
            instance.reportHealth(.unhealthy, error.message)
        } else if isUnhealthy {
            isUnhealthy = false
            instance.reportHealth(.healthy, "the database answers")
        }
    }
}

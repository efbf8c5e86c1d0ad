import PluginKit
import RabbitMQPluginNative

/// A component's connections: one publishes, one for each source reads.
final class Connections {
    private let settings: Settings
    private let broker: BrokerSettings
    private let lock = Lock()
    /// Under the lock: calls may come while it starts or stops.
    private var publisher: Publisher?
    private var consumers: [Consumer] = []

    init(_ settings: Settings, _ broker: BrokerSettings) {
        self.settings = settings
        self.broker = broker
    }

    func start(_ instance: Instance, queue: (any Inbox)? = nil, _ call: Call) throws(PluginError) {
        let publisher = try Publisher(settings, broker, instance, queue: queue, call)
        lock.with { self.publisher = publisher }
    }

    func stop(_ call: Call) {
        let (publisher, consumers) = lock.with { () -> (Publisher?, [Consumer]) in
            defer {
                self.publisher = nil
                self.consumers = []
            }
            return (self.publisher, self.consumers)
        }
        for consumer in consumers { consumer.put(.end(nil)) }
        publisher?.stop()
        for consumer in consumers { consumer.join() }
        call.done()
    }

    /// The one that publishes.
    func running() throws(PluginError) -> Publisher {
        guard let publisher = lock.with({ self.publisher }) else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        return publisher
    }

    func open(_ source: Source, _ inbox: any Inbox, _ reply: EmptyReply) throws(PluginError) {
        _ = try running()
        let consumer = try Consumer(source, settings, broker, inbox, reply)
        let (isTaken, gone) = lock.with { () -> (Bool, [Consumer]) in
            let gone = consumers.filter { $0.isOver }
            consumers.removeAll { $0.isOver }
            guard publisher != nil else { return (false, gone) }
            consumers.append(consumer)
            return (true, gone)
        }
        for one in gone { one.join() }
        if !isTaken {
            // Stopped meanwhile: the source fails with its connection.
            consumer.put(.end(nil))
            consumer.join()
        }
    }

    func close(_ source: Source, _ reply: EmptyReply) {
        if let consumer = find(source), consumer.put(.end(reply)) { return }
        reply.done()
    }

    func credit(_ source: Source, _ messages: Int) { find(source)?.put(.credit(messages)) }

    func settle(_ request: UnsafePointer<octavo_settle_request>) {
        find(Source(request.pointee.source))?.put(.settle(request.pointee.token, request.pointee.outcome))
    }

    private func find(_ source: Source) -> Consumer? {
        lock.with {
            for consumer in consumers where consumer.source == source { return consumer }
            return nil
        }
    }
}

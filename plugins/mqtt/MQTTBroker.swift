import PluginKit

/// `pubsub.mqtt3`. Operations only put down what is wanted: a thread of the instance's own publishes, another one reads for each
/// topic of a consumer group, so that none of them delays another.
final class MQTTBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_ORDERING | OCTAVO_PUBSUB_WILDCARD

    private let settings: Settings
    private let lock = Lock()
    /// Under the lock: calls may come while it starts or stops.
    private var publisher: Publisher?
    /// Under the lock: who reads what.
    private var places: [(source: Source, session: Session)] = []
    /// Under the lock: all whose threads have not been joined.
    private var sessions: [Session] = []

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        super.init(instance, Features(Self.offered, maxValueBytes: UInt64(Packet.limit - 65_540)))
    }

    override func start(_ call: Call) throws(PluginError) {
        let publisher = try Publisher(settings, instance, call)
        lock.with { self.publisher = publisher }
    }

    override func stop(_ call: Call) throws(PluginError) {
        let (publisher, sessions) = lock.with { () -> (Publisher?, [Session]) in
            defer {
                self.publisher = nil
                self.sessions = []
                places = []
            }
            return (self.publisher, self.sessions)
        }
        for session in sessions { session.put(.stop) }
        publisher?.stop()
        for session in sessions { session.join() }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) { try running().add(.health(call)) }

    private func running() throws(PluginError) -> Publisher {
        guard let publisher = lock.with({ self.publisher }) else { throw Self.stopped }
        return publisher
    }

    private static var stopped: PluginError {
        PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
    }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        let publisher = try running(), data = request.pointee.data.raw
        try TopicCheck.name(request.pointee.topic)
        guard data.count <= Packet.limit - 65_540 else { throw .invalid("The message has \(data.count) bytes; MQTT takes 256 MB at most.") }
        var retains = settings.retains
        let written = request.pointee.head.metadata.pair("retain")
        if !written.isEmpty {
            if written.equals("true") || written.equals("1") { retains = true }
            else if written.equals("false") || written.equals("0") { retains = false }
            else { throw .invalid("The metadata retain is true or false.") }
        }
        try publisher.add(.publish(Outgoing(reply.call, request.pointee.topic, data, retains: retains) { PublishReply($0).published() }))
    }

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        try TopicCheck.filter(request.pointee.topic)
        let group = (request.pointee.group.isEmpty ? request.pointee.head.app_id : request.pointee.group).array
        guard !group.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        let filter = request.pointee.topic.array, source = Source(request.pointee.source)
        let forgets = request.pointee.head.metadata.pair("unsubscribeOnClose").equals("true")
        var gone: [Session] = []
        var problem: PluginError?
        lock.with {
            guard publisher != nil else {
                problem = Self.stopped
                return
            }
            gone = sessions.filter { $0.isOver }
            sessions.removeAll { $0.isOver }
            for place in places where place.session.group == group && place.session.filter == filter {
                // Under the lock: before the last of the others leaves.
                if place.session.put(.join(source, reply)) {
                    places.append((source, place.session))
                    return
                }
            }
            do throws(PluginError) {
                let session = try Session(self, settings, group: group, filter: filter, forgets: forgets)
                session.put(.join(source, reply))
                sessions.append(session)
                places.append((source, session))
            } catch { problem = error }
        }
        for session in gone { session.join() }
        if let problem { throw problem }
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        let isTaken = lock.with { () -> Bool in
            guard let session = session(of: source) else { return false }
            places.removeAll { $0.source == source }
            return session.put(.leave(source, reply))
        }
        if !isTaken { reply.done() }
    }

    override func credit(_ source: Source, _ messages: Int) { find(source)?.put(.credit(source, messages)) }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        let source = Source(request.pointee.source)
        find(source)?.put(.settle(source, request.pointee.token, again: request.pointee.outcome == OCTAVO_SETTLE_RETRY))
    }

    private func find(_ source: Source) -> Session? { lock.with { session(of: source) } }

    /// Under the lock.
    private func session(of source: Source) -> Session? {
        for place in places where place.source == source { return place.session }
        return nil
    }

    /// Its connection is lost: who subscribes next gets another one.
    func forget(_ session: Session) {
        lock.with { places.removeAll { $0.session === session } }
    }
}

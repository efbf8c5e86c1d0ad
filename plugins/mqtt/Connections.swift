import PluginKit

/// A component's connections: one publishes, one for each topic of a consumer group reads.
final class Connections {
    private let settings: Settings
    private let lock = Lock()
    /// Under the lock: calls may come while it starts or stops.
    private var publisher: Publisher?
    /// Under the lock: who reads what.
    private var places: [(source: Source, session: Session)] = []
    /// Under the lock: all whose threads have not been joined.
    private var sessions: [Session] = []

    init(_ settings: Settings) { self.settings = settings }

    func start(_ instance: Instance, _ call: Call) throws(PluginError) {
        let publisher = try Publisher(settings, instance, call)
        lock.with { self.publisher = publisher }
    }

    func stop(_ call: Call) {
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

    func health(_ call: Call) throws(PluginError) { try running().add(.health(call)) }

    private func running() throws(PluginError) -> Publisher {
        guard let publisher = lock.with({ self.publisher }) else { throw Self.stopped }
        return publisher
    }

    private static var stopped: PluginError {
        PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
    }

    /// Publishes `data`, which belongs to the call; `done` ends it.
    func publish(
        _ call: Call, _ topic: Str, _ data: UnsafeRawBufferPointer, _ metadata: octavo_list, _ done: @escaping (Call) -> Void
    ) throws(PluginError) {
        let publisher = try running()
        try TopicCheck.name(topic)
        guard data.count <= Packet.limit - 65_540 else { throw .invalid("The message has \(data.count) bytes; MQTT takes 256 MB at most.") }
        var retains = settings.retains
        let written = metadata.pair("retain")
        if !written.isEmpty {
            if written.equals("true") || written.equals("1") { retains = true }
            else if written.equals("false") || written.equals("0") { retains = false }
            else { throw .invalid("The metadata retain is true or false.") }
        }
        try publisher.add(.publish(Outgoing(call, topic, data, retains: retains, done)))
    }

    /// Has a source read a topic, as a member of the group of this client.
    func open(_ source: Source, _ filter: Str, client: [UInt8], forgets: Bool, _ form: Session.Form, _ reply: EmptyReply) throws(PluginError) {
        try TopicCheck.filter(filter)
        let filter = filter.array
        var gone: [Session] = []
        var problem: PluginError?
        lock.with {
            guard publisher != nil else {
                problem = Self.stopped
                return
            }
            gone = sessions.filter { $0.isOver }
            sessions.removeAll { $0.isOver }
            for place in places where place.session.client == client && place.session.filter == filter {
                // Under the lock: before the last of the others leaves.
                if place.session.put(.join(source, reply)) {
                    places.append((source, place.session))
                    return
                }
            }
            do throws(PluginError) {
                let session = try Session(self, settings, client: client, filter: filter, forgets: forgets, form)
                session.put(.join(source, reply))
                sessions.append(session)
                places.append((source, session))
            } catch { problem = error }
        }
        for session in gone { session.join() }
        if let problem { throw problem }
    }

    func close(_ source: Source, _ reply: EmptyReply) {
        let isTaken = lock.with { () -> Bool in
            guard let session = session(of: source) else { return false }
            places.removeAll { $0.source == source }
            return session.put(.leave(source, reply))
        }
        if !isTaken { reply.done() }
    }

    func credit(_ source: Source, _ messages: Int) { find(source)?.put(.credit(source, messages)) }

    func settle(_ request: UnsafePointer<octavo_settle_request>) {
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

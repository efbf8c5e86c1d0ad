import NATSPluginNative
import PluginKit

/// `pubsub.jetstream`: topics are subjects of streams, a group has a durable consumer for each of them. Everything happens on
/// the instance's reactor thread.
final class JetStreamBroker: PubSub {
    static let offered =
        OCTAVO_PUBSUB_BULK_PUBLISH | OCTAVO_PUBSUB_ORDERING | OCTAVO_PUBSUB_WILDCARD | OCTAVO_PUBSUB_NATIVE_DELAY

    let settings: Settings
    let link: Link
    let requests: Requests
    let streams: Streams
    private var readers: [Reader] = []
    private var timer: Timer!
    private var startTimer: Timer!
    private var later: Later!
    private var starting: Call?
    private var startError: PluginError?
    private var stopping: Call?
    private var stopLimit: Int64 = 0
    private var isShutDown = false
    private var isHealthy = false

    /// How often time limits are looked at. Nanoseconds.
    private static let tick: Int64 = 250_000_000

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        link = Link(settings, instance)
        requests = Requests(link)
        streams = Streams(requests, settings)
        super.init(instance, Features(Self.offered))
        // This outlives its link.
        link.onUp = { [unowned(unsafe) self] in self.isUp() }
        link.onDown = { [unowned(unsafe) self] in self.isDown($0) }
        link.onLetter = { [unowned(unsafe) self] in self.take($0) }
        link.onInboxOver = { [unowned(unsafe) self] in self.isOver($0) }
        link.onStopped = { [unowned(unsafe) self] in self.hasStopped() }
        later = Later(instance)
        startTimer = Timer(instance) { [unowned(unsafe) self] in
            if self.starting != nil { self.giveUpStart(self.link.error) }
        }
        timer = Timer(instance) { [unowned(unsafe) self] in self.look() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        startError = nil
        isShutDown = false
        try link.start()
        starting = call
        if call.deadline != 0 { startTimer.set(after: max(call.deadline - Host.now() - 1_000_000_000, 1)) }
    }

    override func stop(_ call: Call) throws(PluginError) {
        stopping = call
        stopLimit = Host.now() + 2_000_000_000
        for reader in readers { reader.leave(nil) }
        stopWhenLeft()
    }

    /// Readers give back what they have before the connection is closed.
    private func stopWhenLeft() {
        readers.removeAll { $0.isGone }
        guard stopping != nil, !isShutDown, readers.isEmpty || link.raw == nil || Host.now() >= stopLimit else { return }
        shutDown(Failure.stopping)
    }

    override func health(_ call: Call) throws(PluginError) { try requests.ping(Ping(call)) }

    private final class Ping: Exchange {
        private let call: Call
        init(_ call: Call) { self.call = call }
        override func answered(_ letter: UnsafePointer<nats_letter>) { call.done() }
        override func failed(_ error: PluginError) { call.fail(error) }
    }

    func readerHasGone() { later.ask { [unowned(unsafe) self] in self.stopWhenLeft() } }

    private func shutDown(_ error: PluginError) {
        isShutDown = true
        timer.cancel()
        startTimer.cancel()
        requests.fail(error)
        isHealthy = false
        link.stop()
    }

    private func hasStopped() {
        if let call = starting {
            starting = nil
            call.fail(startError ?? Failure.stopping)
        }
        readers = []
        stopping?.done()
        stopping = nil
    }

    // MARK: The connection

    private func isUp() {
        do throws(PluginError) { try requests.begin() } catch { return link.giveUp() }
        timer.set(after: Self.tick)
        requests.ask(Array("INFO".utf8), nil) { reply in
            if reply.error == 0 { self.isReady() } else { self.isUnusable(Failure.from(reply, "be used", self.settings)) }
        } failed: { error in
            // Who may not ask for that may publish all the same.
            if error.code == OCTAVO_CODE_PERMISSION_DENIED { self.isReady() } else { self.isUnusable(error) }
        }
        for reader in readers { reader.linkIsUp() }
    }

    private func isReady() {
        startTimer.cancel()
        if let call = starting {
            starting = nil
            call.done()
        }
        if !isHealthy { instance.reportHealth(.healthy, "connected") }
        isHealthy = true
    }

    /// There is a server, without JetStream.
    private func isUnusable(_ error: PluginError) {
        if starting != nil { return giveUpStart(error) }
        guard stopping == nil, link.raw != nil else { return }
        isHealthy = false
        instance.reportHealth(.unhealthy, error.message)
        link.giveUp()
    }

    private func giveUpStart(_ error: PluginError) {
        guard starting != nil, startError == nil else { return }
        startError = error
        shutDown(error)
    }

    private func isDown(_ error: PluginError) {
        timer.cancel()
        requests.fail(Failure.unacknowledged(settings))
        for reader in readers { reader.linkIsDown() }
        stopWhenLeft()
        if let call = starting {
            // A wrong password does not become right. Otherwise it is tried again until just before the deadline.
            if error.flags & OCTAVO_ERROR_PERMANENT != 0 || call.deadline == 0 { giveUpStart(error) }
            return
        }
        if isHealthy { instance.reportHealth(.unhealthy, error.message) }
        isHealthy = false
    }

    private func take(_ letter: UnsafeMutablePointer<nats_letter>) {
        if letter.pointee.tag == requests.tag {
            requests.take(letter)
        } else {
            for reader in readers where reader.tag == letter.pointee.tag { return reader.take(letter) }
        }
        nats_letter_throw_away(letter)
    }

    private func isOver(_ tag: UInt64) {
        if tag == requests.tag { return link.giveUp() }
        for reader in readers where reader.tag == tag { reader.inboxIsOver() }
        stopWhenLeft()
    }

    private func look() {
        guard link.raw != nil else { return }
        timer.set(after: Self.tick)
        let now = Host.now()
        requests.expire(now)
        for reader in readers { reader.look(now) }
        stopWhenLeft()
    }

    // MARK: Publishing

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        guard Subject.isPublishable(request.pointee.topic.array) else { throw Failure.topic(request.pointee.topic) }
        SinglePublication(self, request, reply).send()
    }

    override func bulkPublish(
        _ request: UnsafePointer<octavo_pubsub_bulk_publish_request>, _ reply: BulkPublishReply
    ) throws(PluginError) {
        guard Subject.isPublishable(request.pointee.topic.array) else { throw Failure.topic(request.pointee.topic) }
        BulkPublication(request, reply).send(self)
    }

    // MARK: Subscribing

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        var group = settings.queueGroupName
        if group.isEmpty { group = request.pointee.group.array }
        if group.isEmpty { group = request.pointee.head.app_id.array }
        guard !group.isEmpty || !settings.durableName.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        guard Subject.isSubscribable(request.pointee.topic.array) else { throw Failure.topic(request.pointee.topic) }
        guard link.raw != nil else { throw link.error }
        let reader = Reader(self, Source(request.pointee.source), request.pointee.topic.array, group)
        readers.append(reader)
        reader.open(reply.call)
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        guard let reader = find(source) else { return reply.done() }
        reader.leave(reply.call)
        readers.removeAll { $0.isGone }
    }

    override func credit(_ source: Source, _ messages: Int) { find(source)?.grant(messages) }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        find(Source(request.pointee.source))?.settle(request.pointee.token, request.pointee.outcome, request.pointee.delay_ns)
    }

    private func find(_ source: Source) -> Reader? {
        for reader in readers where reader.source == source && !reader.isLeaving { return reader }
        return nil
    }
}

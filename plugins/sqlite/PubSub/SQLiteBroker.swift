import PluginKit

/// `pubsub.sqlite`. Operations only put down what is wanted; a thread of the instance's own does it, all that came in during
/// one wait for the disk in the next.
final class SQLiteBroker: PubSub {
    static let offered = OCTAVO_PUBSUB_MESSAGE_TTL | OCTAVO_PUBSUB_ORDERING

    private let settings: Settings
    private let broker: BrokerSettings
    private let lock = Lock()
    /// Under the lock: calls may come while it starts or stops.
    private var engine: BrokerEngine?

    init(_ settings: Settings, _ broker: BrokerSettings, _ instance: Instance) throws(PluginError) {
        try settings.requireFile()
        self.settings = settings
        self.broker = broker
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) {
        let engine = try BrokerEngine(BrokerTables(settings), broker, instance)
        lock.with { self.engine = engine }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        let engine = lock.with {
            defer { self.engine = nil }
            return self.engine
        }
        engine?.stop()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) { try add(.health(call)) }

    override func publish(_ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) throws(PluginError) {
        // The request stays readable until its call has ended.
        try add(.publish(request, reply))
    }

    override func subscribe(_ request: UnsafePointer<octavo_pubsub_subscribe_request>, _ reply: EmptyReply) throws(PluginError) {
        let group = request.pointee.group.isEmpty ? request.pointee.head.app_id : request.pointee.group
        guard !group.isEmpty else { throw .invalid("A subscription needs a consumer group: set consumerID.") }
        try add(.subscribe(Source(request.pointee.source), request.pointee.topic.array, group.array, reply))
    }

    override func unsubscribe(_ source: Source, _ reply: EmptyReply) throws(PluginError) { try add(.unsubscribe(source, reply)) }

    override func credit(_ source: Source, _ messages: Int) {
        do throws(PluginError) { try add(.credit(source, messages)) } catch {}
    }

    override func settle(_ request: UnsafePointer<octavo_settle_request>) {
        let isAgain = request.pointee.outcome == OCTAVO_SETTLE_RETRY
        do throws(PluginError) { try add(.settle(Source(request.pointee.source), request.pointee.token, again: isAgain)) } catch {}
    }

    private func add(_ command: BrokerEngine.Command) throws(PluginError) {
        guard let engine = lock.with({ self.engine }) else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The broker is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        try engine.add(command)
    }
}

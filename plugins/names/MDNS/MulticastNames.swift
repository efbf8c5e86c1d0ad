import NamesPluginNative
import PluginKit

/// `nameresolution.mdns`: runtimes of one network find each other by multicast (RFC 6762), as Dapr's do. On the instance's reactor thread.
final class MulticastNames: NameResolver {
    static let offered = OCTAVO_NAMES_ADVERTISE

    static var fields: [Field] {
        [
            .duration(
                "refreshInterval", default: "5s",
                "How often it is asked who is there of the apps that are called. Who has not answered for three times that is not called any more."),
            .duration("resolveTimeout", default: "1500ms", unit: 1_000_000, "How long to wait for the first instance of an app that is not known."),
        ]
    }

    /// An app is asked about for so long after it was called. Nanoseconds.
    private static let interest: Int64 = 60_000_000_000
    /// After the first answer others may come.
    private static let gathering: Int64 = 50_000_000
    /// Between questions while somebody waits: the first packets may be lost.
    private static let pauses: [Int64] = [250_000_000, 500_000_000, 1_000_000_000]
    /// How often interfaces are looked for.
    private static let lookInterval: Int64 = 5_000_000_000
    /// So long after nobody has answered whoever asks next need not wait.
    private static let silence: Int64 = 1_000_000_000
    /// The same is not said to all more often than that.
    private static let quiet: Int64 = 100_000_000
    private static let maxApps = 1024, maxWaiting = 1024

    private final class Wanted {
        var heard: HeardServices
        var askedAt: Int64 = 0
        var nextQuery: Int64 = 0
        /// Questions since somebody began to wait.
        var queries = 0
        var waiting: [(reply: NamesReply, namespace: [UInt8], until: Int64)] = []
        /// When those that wait are answered, once somebody has been heard.
        var answerAt: Int64 = .max
        /// Until when nobody is there, unless somebody is heard.
        var silentUntil: Int64 = 0

        init(_ service: DomainName) { heard = HeardServices(service) }
    }

    private final class Advertised {
        let service: OwnService
        /// When it is said again, unasked.
        var nextAnnouncement: Int64
        var lastSaid: Int64

        init(_ service: OwnService, now: Int64) {
            self.service = service
            nextAnnouncement = now + 1_000_000_000
            lastSaid = now
        }
    }

    private let interval: Int64
    private let patience: Int64
    private var socket: MulticastSocket!
    private var timer: Timer!
    private var wanted: [Wanted] = []
    private var advertised: [Advertised] = []
    private var nextLook: Int64 = 0
    private var isOpen = false

    init(_ config: Config, _ instance: Instance) {
        interval = max(config.duration("refreshInterval") ?? 5_000_000_000, 100_000_000)
        patience = max(config.duration("resolveTimeout") ?? 1_500_000_000, 10_000_000)
        super.init(instance, Features(Self.offered))
        socket = MulticastSocket(instance) { [unowned(unsafe) self] bytes, source, isLoopback in self.hear(bytes, source, isLoopback) }
        timer = Timer(instance) { [unowned(unsafe) self] in self.act() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        try socket.open()
        isOpen = true
        nextLook = Host.now() + Self.lookInterval
        schedule()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        timer.cancel()
        for one in advertised { say(one.service.announcement(0), of: one.service) }
        advertised = []
        let open = wanted
        wanted = []
        isOpen = false
        socket.close()
        for one in open {
            for waiter in one.waiting {
                waiter.reply.call.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The resolver is being stopped.", flags: OCTAVO_ERROR_RETRYABLE))
            }
        }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        guard isOpen else { throw .outage("The resolver is not started.") }
        call.done()
    }

    // MARK: Advertising

    /// By the interfaces where its address means something.
    @discardableResult
    private func say(_ bytes: [UInt8], of service: OwnService) -> Bool { socket.send(bytes, loopbackAlone: service.isLoopback) }

    private var deaf: PluginError { .outage("No network interface takes multicast\(socket.problem.utf8.isEmpty ? "" : ": " + socket.problem).") }

    override func advertise(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        let service = try OwnService(try NameInstance(request.pointee))
        guard say(service.announcement(), of: service) else { throw deaf }
        advertised.removeAll { $0.service.name == service.name }
        advertised.append(Advertised(service, now: Host.now()))
        schedule()
        call.done()
    }

    override func withdraw(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        let service = try OwnService(try NameInstance(request.pointee))
        advertised.removeAll { $0.service.name == service.name }
        say(service.announcement(0), of: service)
        schedule()
        call.done()
    }

    // MARK: Asking

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        guard isOpen else { throw .outage("The resolver is not started.") }
        let app = request.pointee.app_id.array, namespace = request.pointee.name_space.array, now = Host.now()
        guard !app.isEmpty else { throw .invalid("There is no app to look for: its id is empty.") }
        // Nobody can advertise such a name.
        guard !app.contains(0x2E), let service = DomainName(labels: [app, OwnService.local]) else { return reply.answer([]) }
        let one = try self.wanted(service, now)
        one.askedAt = now
        one.heard.expire(now)
        let found = one.heard.addresses(namespace)
        if !found.isEmpty {
            schedule()
            return reply.answer(found)
        }
        if now < one.silentUntil {
            schedule()
            return reply.answer([])
        }
        guard wanted.reduce(0, { $0 + $1.waiting.count }) < Self.maxWaiting else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(Self.maxWaiting) questions wait for an answer by multicast already.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        let isFirst = one.waiting.isEmpty
        one.waiting.append((reply, namespace, now + patience))
        if isFirst {
            one.queries = 0
            guard ask(one, now) else {
                one.waiting.removeLast()
                throw deaf
            }
        }
        schedule()
    }

    private func wanted(_ service: DomainName, _ now: Int64) throws(PluginError) -> Wanted {
        if let known = wanted.first(where: { $0.heard.service == service }) { return known }
        if wanted.count >= Self.maxApps { wanted.removeAll { $0.waiting.isEmpty && now - $0.askedAt > interval } }
        guard wanted.count < Self.maxApps else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(wanted.count) apps are looked for already.", flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        let made = Wanted(service)
        wanted.append(made)
        return made
    }

    private func ask(_ one: Wanted, _ now: Int64) -> Bool {
        one.nextQuery = now + (one.waiting.isEmpty ? interval : Self.pauses[min(one.queries, Self.pauses.count - 1)])
        one.queries += 1
        return socket.send(one.heard.query())
    }

    // MARK: What comes in

    private func hear(_ bytes: [UInt8], _ source: names_source, _ isLoopback: Bool) {
        // Somebody on another network can only have sent it to this machine alone.
        guard isOpen, source.to_all != 0, let message = DNSMessage(bytes) else { return }
        // Standard queries and answers alone have a meaning here.
        guard message.flags & 0x7800 == 0 else { return }
        let now = Host.now()
        if message.isAnswer {
            // From elsewhere it is no multicast resolver's (RFC 6762, 6).
            if source.port == 5353 { learn(message, isLoopback, now) }
        } else {
            answer(message, source, isLoopback, now)
        }
    }

    private func learn(_ message: DNSMessage, _ isLoopback: Bool, _ now: Int64) {
        for one in wanted where one.heard.take(message, isLoopback: isLoopback, now: now, longest: 3 * interval) {
            one.silentUntil = 0
            if one.answerAt == .max, one.waiting.contains(where: { !one.heard.addresses($0.namespace).isEmpty }) {
                one.answerAt = now + Self.gathering
                schedule()
            }
        }
    }

    private func answer(_ query: DNSMessage, _ source: names_source, _ isLoopback: Bool, _ now: Int64) {
        let isLegacy = source.port != 5353
        for one in advertised where isLoopback || !one.service.isLoopback {
            guard let answer = one.service.answer(to: query, isLegacy: isLegacy) else { continue }
            if isLegacy {
                socket.reply(answer, to: source)
            } else if now - one.lastSaid >= Self.quiet {
                one.lastSaid = now
                say(answer, of: one.service)
            } else {
                // Others have just heard it; whoever asks now hears it in a moment.
                one.nextAnnouncement = min(one.nextAnnouncement, one.lastSaid + Self.quiet)
                schedule()
            }
        }
    }

    // MARK: Time

    /// Sets the timer for what is to be done next.
    private func schedule() {
        guard isOpen else { return }
        var next = nextLook
        for one in wanted {
            next = min(next, one.nextQuery, one.answerAt, one.askedAt + Self.interest)
            for waiter in one.waiting { next = min(next, waiter.until) }
        }
        for one in advertised { next = min(next, one.nextAnnouncement) }
        timer.set(after: max(next - Host.now(), 1))
    }

    private func act() {
        guard isOpen else { return }
        let now = Host.now()
        if now >= nextLook {
            nextLook = now + Self.lookInterval
            socket.look()
        }
        for one in advertised where now >= one.nextAnnouncement {
            one.lastSaid = now
            // Twice unasked, and after that when it could not be said at once.
            one.nextAnnouncement = .max
            say(one.service.announcement(), of: one.service)
        }
        var answers: [(reply: NamesReply, found: [NameAddress])] = []
        for one in wanted {
            one.heard.expire(now)
            if now >= one.answerAt {
                one.answerAt = .max
                for waiter in one.waiting {
                    let found = one.heard.addresses(waiter.namespace)
                    if !found.isEmpty { answers.append((waiter.reply, found)) }
                }
                one.waiting.removeAll { !one.heard.addresses($0.namespace).isEmpty }
            }
            for waiter in one.waiting where now >= waiter.until {
                answers.append((waiter.reply, one.heard.addresses(waiter.namespace)))
                one.silentUntil = now + Self.silence
            }
            one.waiting.removeAll { now >= $0.until }
            if now >= one.nextQuery { _ = ask(one, now) }
        }
        wanted.removeAll { $0.waiting.isEmpty && now - $0.askedAt >= Self.interest }
        schedule()
        // At last: each may bring the next question.
        for one in answers { one.reply.answer(one.found) }
    }
}

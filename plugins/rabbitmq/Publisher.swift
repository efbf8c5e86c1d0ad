import PluginKit
import RabbitMQPluginNative

/// The connection that messages are published on, and the thread that has it: it connects again for ever.
final class Publisher {
    enum Command {
        case publish(Outgoing)
        case health(Call)
        case stop
    }

    /// Publications that wait for the server. Above this more are refused.
    private static let limit = 16_384

    private let settings: Settings
    private let broker: BrokerSettings
    private let instance: Instance
    private let queue: (any Inbox)?
    private let mailbox: Mailbox<Command>
    private var thread: OwnThread?
    private let lock = Lock()
    /// Under the lock: why nothing can be published now.
    private var down: PluginError?
    /// Under the lock.
    private var waiting = 0

    /// Of the thread.
    private var starting: Call?
    private var link: Link?
    private var unconfirmed: [UInt64: Outgoing] = [:]
    private var nextTag: UInt64 = 1
    /// The oldest that may be unconfirmed.
    private var firstTag: UInt64 = 1
    private var exchanges: Set<[UInt8]> = []
    private var again: [Outgoing] = []
    private var isStopping = false
    private var backoff: Backoff

    /// Answers `call` when the first connection is there, or when it is clear that none will be.
    /// `queue`: what is published to, when it is the same always; it is made when it is missing.
    init(_ settings: Settings, _ broker: BrokerSettings, _ instance: Instance, queue: (any Inbox)?, _ call: Call) throws(PluginError) {
        guard let mailbox = Mailbox<Command>() else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The process has no file descriptor left. Raise its limit.")
        }
        self.settings = settings
        self.broker = broker
        self.instance = instance
        self.queue = queue
        self.mailbox = mailbox
        down = .outage("The RabbitMQ server \(settings.address) is being connected to.")
        starting = call
        backoff = Backoff(longest: settings.reconnectWait)
        thread = OwnThread.start(name: "rabbit-publish") { [unowned(unsafe) self] in self.run() }
        guard thread != nil else { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread for publishing.") }
    }

    /// Any thread; does not wait.
    func add(_ command: Command) throws(PluginError) {
        if case .publish = command {
            let refusal = lock.with { () -> PluginError? in
                if let down { return down }
                if waiting >= Self.limit {
                    return PluginError(
                        OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(Self.limit) messages wait for the RabbitMQ server already. Publish less at a time.",
                        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
                }
                waiting += 1
                return nil
            }
            if let refusal { throw refusal }
        }
        guard mailbox.put(command) else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
        }
    }

    /// Waits for the end of the thread: for what was published before, two seconds at most, and for an attempt to connect.
    func stop() {
        mailbox.put(.stop)
        thread?.join()
        thread = nil
    }

    // MARK: The thread

    private func run() {
        while !isStopping {
            do throws(Fault) {
                try connect()
                try work()
            } catch {
                lost(error)
            }
        }
        let closed = PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
        lock.with { down = closed }
        starting?.fail(closed)
        for command in mailbox.shut() { refuse(command, closed) }
        failAll(closed)
        link?.close(gently: true)
        link = nil
    }

    private func connect() throws(Fault) {
        let link = try Link(settings)
        if broker.confirms { try link.ask { rabbit_confirm($0, &$1) } }
        try queue?.declare(link)
        self.link = link
        nextTag = 1
        firstTag = 1
        exchanges = []
        lock.with { down = nil }
        backoff.reset()
        if let call = starting {
            if let advice = broker.advice { instance.info(advice) }
            call.done()
        }
        starting = nil
        instance.reportHealth(.healthy, "connected")
    }

    private func lost(_ fault: Fault) {
        let error = fault.error(settings)
        lock.with { down = error }
        link?.close(gently: false)
        link = nil
        var unsure = error
        unsure.message = "The connection to the RabbitMQ server \(settings.address) is lost: \(fault.text). The message may have been published."
        unsure.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
        failAll(unsure)
        if let call = starting {
            // A wrong password does not become right, and the deadline leaves no time for another attempt.
            let isPermanent = error.flags & OCTAVO_ERROR_PERMANENT != 0
            if isPermanent || call.deadline == 0 || call.deadline - Host.now() < 1_000_000_000 {
                starting = nil
                call.fail(error)
                isStopping = true
                return
            }
        } else {
            instance.reportHealth(.unhealthy, error.message)
        }
        var left = backoff.pause(atMost: starting == nil ? .max : 500_000_000)
        let end = Host.now() + left
        while left > 0, !isStopping {
            _ = mailbox.wait(atMost: left)
            for command in mailbox.take() { refuse(command, error) }
            left = end - Host.now()
        }
    }

    private func refuse(_ command: Command, _ error: PluginError) {
        switch command {
        case .publish(let outgoing): end(outgoing) { $0.fail(error) }
        case .health(let call): call.fail(error)
        case .stop: isStopping = true
        }
    }

    private func end(_ outgoing: Outgoing, _ how: (Outgoing) -> Void) {
        lock.with { waiting -= 1 }
        how(outgoing)
    }

    private func failAll(_ error: PluginError) {
        let all = unconfirmed
        unconfirmed = [:]
        for outgoing in all.values { end(outgoing) { $0.fail(error) } }
        let rest = again
        again = []
        for outgoing in rest { end(outgoing) { $0.fail(error) } }
    }

    private func work() throws(Fault) {
        var stopBy: Int64 = 0
        while true {
            let commands = mailbox.take()
            var position = 0
            do throws(Fault) {
                while position < commands.count {
                    let command = commands[position]
                    position += 1
                    try run(command)
                    // What the server says to a long batch must not wait for its end.
                    if position % 256 == 0 { try listen() }
                }
            } catch {
                for command in commands[position...] { refuse(command, error.error(settings)) }
                throw error
            }
            try listen()
            try repeatRefused()
            if isStopping {
                if stopBy == 0 { stopBy = Host.now() + 2_000_000_000 }
                if unconfirmed.isEmpty || Host.now() > stopBy { return }
            }
            // Heartbeats are due at half of their time.
            let pause = isStopping ? 50_000_000 : Int64(max(settings.heartbeat, 1)) * 1_000_000_000 / 3
            _ = mailbox.wait(link!.descriptor, for: Int32(POLLIN), atMost: pause)
        }
    }

    private func run(_ command: Command) throws(Fault) {
        switch command {
        case .stop: isStopping = true
        case .health(let call):
            do throws(Fault) { try link!.ask { rabbit_ping($0, &$1) } } catch {
                call.fail(error.error(settings))
                if error.isLost { throw error }
                return
            }
            call.done()
        case .publish(let outgoing): try publish(outgoing)
        }
    }

    // MARK: Publishing

    private func publish(_ outgoing: Outgoing) throws(Fault) {
        do throws(Fault) {
            if let exchange = outgoing.exchange, !exchanges.contains(exchange) {
                try link!.ask { rabbit_declare_exchange($0, outgoing.publication.exchange, broker.kind, broker.isDurable ? 1 : 0, broker.isAutoDelete ? 1 : 0, &$1) }
                // Names that were published to once are not kept for ever.
                if exchanges.count >= 4096 { exchanges = [] }
                exchanges.insert(exchange)
            }
            // It may have gone with its last reader, and what is published to no queue is lost.
            if broker.isAutoDelete { try queue?.declare(link!) }
            try link!.ask { link, fault in outgoing.send { rabbit_publish(link, $0, &fault) } }
        } catch {
            var failure = error.error(settings)
            if error.isLost { failure.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT }
            end(outgoing) { $0.fail(failure) }
            if error.isLost { throw error }
            return
        }
        guard broker.confirms else { return end(outgoing) { $0.published() } }
        unconfirmed[nextTag] = outgoing
        nextTag += 1
    }

    private func listen() throws(Fault) {
        while let event = try link!.next() {
            switch event.kind {
            case RABBIT_CONFIRMED: settle(event) { $0.published() }
            case RABBIT_REFUSED:
                let error = PluginError(
                    OCTAVO_CODE_UNAVAILABLE, "The RabbitMQ server \(settings.address) could not take the message over.", flags: OCTAVO_ERROR_RETRYABLE)
                settle(event) { $0.fail(error) }
            case RABBIT_CLOSED: if event.channel == UInt16(RABBIT_WORK) { try channelClosed(Fault(event.fault)) }
            case RABBIT_BLOCKED:
                let error = PluginError(
                    OCTAVO_CODE_UNAVAILABLE,
                    "The RabbitMQ server \(settings.address) takes no messages now: \(Fault(event.fault).text). Give it memory or disk, or have its queues read.",
                    flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
                lock.with { down = error }
                instance.reportHealth(.unhealthy, error.message)
            case RABBIT_UNBLOCKED:
                lock.with { down = nil }
                instance.reportHealth(.healthy, "connected")
            case RABBIT_MESSAGE: if let message = event.message { rabbit_free(message) }
            default: break
            }
        }
    }

    private func settle(_ event: rabbit_event, _ how: (Outgoing) -> Void) {
        // Confirmations are of what was published: others are passed over.
        guard event.tag < nextTag else { return }
        let from = event.multiple != 0 ? firstTag : event.tag
        guard from <= event.tag else { return }
        for tag in from...event.tag {
            if let outgoing = unconfirmed.removeValue(forKey: tag) { end(outgoing, how) }
        }
        while firstTag < nextTag, unconfirmed[firstTag] == nil { firstTag += 1 }
    }

    /// The server closes the channel for one message; which it was its text tells at most. An exchange that goes with its last
    /// queue is made again, and the others, whose fate nobody knows, are published again.
    private func channelClosed(_ fault: Fault) throws(Fault) {
        let error = fault.error(settings)
        exchanges = []
        let open = unconfirmed.keys.sorted().map { unconfirmed[$0]! }
        unconfirmed = [:]
        for outgoing in open {
            if fault.code != 404, outgoing.isNamed(in: fault.text) || outgoing.attempts >= 2 {
                end(outgoing) { $0.fail(error) }
            } else if outgoing.attempts >= 5 {
                end(outgoing) { $0.fail(error) }
            } else {
                outgoing.attempts += 1
                again.append(outgoing)
            }
        }
        try link!.ask { rabbit_reopen($0, UInt16(RABBIT_WORK), &$1) }
        if broker.confirms { try link!.ask { rabbit_confirm($0, &$1) } }
        nextTag = 1
        firstTag = 1
    }

    private func repeatRefused() throws(Fault) {
        while !again.isEmpty { try publish(again.removeFirst()) }
    }
}

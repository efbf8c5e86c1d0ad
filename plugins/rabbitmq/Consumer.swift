import PluginKit
import RabbitMQPluginNative

/// What a consumer reads from: how it is made, and how its messages are handed over.
protocol Inbox: AnyObject {
    /// Declares what is to be read from.
    func declare(_ link: Link) throws(Fault)
    var queue: Name { get }
    var isExclusive: Bool { get }
    func deliver(_ message: Incoming, to source: Source, _ token: UInt64) -> Source.Delivered
}

/// Reads a queue, on a connection and a thread of its own. It ends with its connection: the runtime opens another one then.
final class Consumer {
    enum Command {
        case credit(Int)
        case settle(UInt64, Int32)
        case end(EmptyReply?)
    }

    let source: Source
    private let settings: Settings
    private let broker: BrokerSettings
    private let inbox: any Inbox
    private let mailbox: Mailbox<Command>
    private var thread: OwnThread?
    private let lock = Lock()
    /// Under the lock: the thread has only to return.
    private var hasEnded = false

    /// Of the thread.
    private var opening: EmptyReply?
    private var link: Link!
    private var credit = 0
    /// What the server was told of it; 0: it does not send yet.
    private var prefetch = 0
    /// Come, and not delivered for want of credit; or to be delivered again.
    private var waiting: [Incoming] = []
    private var unsettled: [UInt64: Incoming] = [:]
    private var nextToken: UInt64 = 1
    private var ending: [EmptyReply?] = []

    private static let tag: StaticString = "octavo"

    init(
        _ source: Source, _ settings: Settings, _ broker: BrokerSettings, _ inbox: any Inbox, _ reply: EmptyReply
    ) throws(PluginError) {
        guard let mailbox = Mailbox<Command>() else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The process has no file descriptor left. Raise its limit.")
        }
        self.source = source
        self.settings = settings
        self.broker = broker
        self.inbox = inbox
        self.mailbox = mailbox
        opening = reply
        thread = OwnThread.start(name: "rabbit-consume") { [unowned(unsafe) self] in
            self.run()
            self.lock.with { self.hasEnded = true }
        }
        guard thread != nil else { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread for a subscription.") }
    }

    /// Any thread; `false`: it has ended.
    @discardableResult
    func put(_ command: Command) -> Bool { mailbox.put(command) }

    /// Nothing of it goes on; `join` does not wait.
    var isOver: Bool { lock.with { hasEnded } }

    func join() {
        thread?.join()
        thread = nil
    }

    // MARK: The thread

    private func run() {
        do throws(Fault) {
            link = try Link(settings)
            try inbox.declare(link)
            opening?.done()
            opening = nil
            while ending.isEmpty {
                for command in mailbox.take() { try run(command) }
                guard ending.isEmpty else { break }
                try deliverWaiting()
                try listen()
                try widen()
                _ = mailbox.wait(link.descriptor, for: Int32(POLLIN), atMost: Int64(max(settings.heartbeat, 1)) * 1_000_000_000 / 3)
            }
        } catch {
            let error = error.error(settings)
            if let call = opening?.call { call.fail(error) } else { source.fail(error) }
            opening = nil
        }
        for command in mailbox.shut() { if case .end(let reply) = command { ending.append(reply) } }
        // What is unsettled the server gives to others once the connection has ended.
        waiting = []
        unsettled = [:]
        link?.close(gently: !ending.isEmpty)
        for reply in ending { reply?.done() }
    }

    private func run(_ command: Command) throws(Fault) {
        switch command {
        case .credit(let messages): credit = messages == 0 ? 0 : credit + messages
        case .settle(let token, let outcome): try settle(token, outcome)
        case .end(let reply): ending.append(reply)
        }
    }

    private func settle(_ token: UInt64, _ outcome: Int32) throws(Fault) {
        guard let message = unsettled.removeValue(forKey: token) else { return }
        if broker.acknowledgesAtOnce { return }
        switch outcome {
        case OCTAVO_SETTLE_ACK: try link.ask { rabbit_ack($0, message.tag, &$1) }
        case OCTAVO_SETTLE_RETRY:
            if broker.requeues { return try link.ask { rabbit_reject($0, message.tag, 1, &$1) } }
            message.attempt &+= 1
            waiting.append(message)
        // To the dead letters of the queue, if it has some.
        default: try link.ask { rabbit_reject($0, message.tag, 0, &$1) }
        }
    }

    /// Has the server send as many messages as there is credit for.
    private func widen() throws(Fault) {
        var wanted = min(credit + waiting.count + unsettled.count, 65535)
        if broker.prefetch > 0 { wanted = min(wanted, broker.prefetch) }
        guard credit > 0, wanted > prefetch else { return }
        let isFirst = prefetch == 0
        prefetch = wanted
        let tag = Str(Self.tag)
        if !isFirst { try link.ask { rabbit_cancel($0, tag, &$1) } }
        try link.ask { rabbit_consume($0, inbox.queue.str, tag, UInt16(wanted), inbox.isExclusive ? 1 : 0, &$1) }
        try listen()
    }

    private func listen() throws(Fault) {
        while let event = try link.next() {
            switch event.kind {
            case RABBIT_MESSAGE:
                waiting.append(Incoming(event.message!, event.tag))
                try deliverWaiting()
            case RABBIT_CANCELLED:
                var fault = rabbit_fault()
                fault.lost = 1
                var error = Fault(fault)
                error.text = "its queue was deleted"
                throw error
            case RABBIT_CLOSED:
                var error = Fault(event.fault)
                if error.code == 0 { error.isLost = true }
                throw error
            default: break
            }
            guard ending.isEmpty else { return }
        }
    }

    private func deliverWaiting() throws(Fault) {
        var sent = 0
        defer { waiting.removeFirst(sent) }
        while credit > 0, sent < waiting.count, ending.isEmpty {
            let message = waiting[sent], token = nextToken
            nextToken += 1
            unsettled[token] = message
            switch inbox.deliver(message, to: source, token) {
            case .done:
                credit -= 1
                sent += 1
                if broker.acknowledgesAtOnce { try link.ask { rabbit_ack($0, message.tag, &$1) } }
            case .noCredit:
                credit = 0
                unsettled[token] = nil
            case .ended:
                unsettled[token] = nil
                ending.append(nil)
            }
        }
    }
}

/// A message of a queue.
final class Incoming {
    let tag: UInt64
    var attempt: UInt32
    let properties: rabbit_properties
    private let raw: OpaquePointer

    init(_ raw: OpaquePointer, _ tag: UInt64) {
        self.raw = raw
        self.tag = tag
        var properties = rabbit_properties()
        rabbit_properties_of(raw, &properties)
        self.properties = properties
        attempt = properties.redelivered != 0 ? 1 : 0
    }

    deinit { rabbit_free(raw) }

    /// Its properties and headers that are texts, in Dapr's names.
    var metadata: [([UInt8], [UInt8])] {
        var pairs: [([UInt8], [UInt8])] = []
        func add(_ name: StaticString, _ value: Str) { if !value.isEmpty { pairs.append((Str(name).array, value.array)) } }
        add("messageid", properties.message_id)
        add("correlationid", properties.correlation_id)
        add("type", properties.type)
        add("contenttype", properties.content_type)
        return pairs + headers
    }

    /// Headers that are texts.
    var headers: [([UInt8], [UInt8])] {
        var pairs: [([UInt8], [UInt8])] = []
        for index in 0..<properties.headers {
            var name = Str.absent, value = Str.absent
            rabbit_header(raw, index, &name, &value)
            if !name.isEmpty, value.isPresent { pairs.append((name.array, value.array)) }
        }
        return pairs
    }
}

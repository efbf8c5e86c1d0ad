import PluginKit

/// A consumer group's subscription to a topic: a client of the server with a connection and a thread of its own, whose messages its
/// sources share. It ends with its connection, or with its last source; what is unacknowledged then the server sends again.
final class Session {
    enum Command {
        case join(Source, EmptyReply)
        case leave(Source, EmptyReply?)
        case credit(Source, Int)
        case settle(Source, UInt64, again: Bool)
        case stop
    }

    /// What its messages are handed over as.
    enum Form {
        case message
        case event
    }

    private final class Member {
        let source: Source
        var opening: EmptyReply?
        var credit = 0
        var unsettled: [UInt64: Incoming] = [:]

        init(_ source: Source, _ opening: EmptyReply) {
            self.source = source
            self.opening = opening
        }
    }

    /// Its id.
    let client: [UInt8]
    let filter: [UInt8]
    private let settings: Settings
    private unowned(unsafe) let owner: Connections
    private let form: Form
    private let forgets: Bool
    private let mailbox: Mailbox<Command>
    private var thread: OwnThread?
    private let lock = Lock()
    /// Under the lock: the thread has only to return.
    private var hasEnded = false

    /// Of the thread.
    private var members: [Member] = []
    private var turn = 0
    /// Come, and not delivered for want of credit; or to be delivered again.
    private var waiting: [Incoming] = []
    private var nextToken: UInt64 = 1
    private var isStopping = false
    private var left: [EmptyReply] = []

    /// `forgets`: the server is to keep nothing when it ends.
    init(_ owner: Connections, _ settings: Settings, client: [UInt8], filter: [UInt8], forgets: Bool, _ form: Form) throws(PluginError) {
        guard client.count <= 65_535 else { throw .invalid("The consumer group and the topic together are too long for MQTT.") }
        guard let mailbox = Mailbox<Command>() else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The process has no file descriptor left. Raise its limit.")
        }
        self.owner = owner
        self.settings = settings
        self.client = client
        self.form = form
        self.filter = filter
        self.forgets = forgets
        self.mailbox = mailbox
        thread = OwnThread.start(name: "mqtt-subscribe") { [unowned(unsafe) self] in
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
            let wire = try Wire(settings, id: client, clean: settings.cleanSession)
            // Messages of an earlier connection may come before the answer.
            wire.send(Packet.subscribe(1, filter, settings.qos))
            var isOpen = false
            // The first member joins after the thread has begun.
            while !isStopping {
                for command in mailbox.take() { run(command, wire, isOpen) }
                if isStopping { break }
                deliver(wire)
                do throws(Fault) {
                    while waiting.isEmpty || waiting.count < credit, let packet = try wire.next() { try take(packet, wire, &isOpen) }
                } catch {
                    // A server that was killed may not have kept what it had sent just before.
                    deliver(wire)
                    throw error
                }
                deliver(wire)
                try wire.flush()
                let isReading = waiting.isEmpty || waiting.count < credit
                try wire.keepAlive(isReading: isReading)
                _ = mailbox.wait(
                    wire.descriptor, for: (isReading ? Int32(POLLIN) : 0) | (wire.unsent > 0 ? Int32(POLLOUT) : 0), atMost: 5_000_000_000)
            }
            if forgets { wire.send(Packet.unsubscribe(2, filter)) }
            wire.disconnect()
        } catch {
            owner.forget(self)
            let error = error.error(settings)
            for command in mailbox.take() { run(command, nil, false) }
            for member in members { end(member, error) }
            members = []
        }
        for command in mailbox.shut() {
            switch command {
            case .join(_, let reply): reply.call.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The subscription has just ended.", flags: OCTAVO_ERROR_RETRYABLE))
            case .leave(_, let reply): if let reply { left.append(reply) }
            case .credit, .settle, .stop: break
            }
        }
        let closed = PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
        for member in members { member.opening?.call.fail(closed) }
        for reply in left { reply.done() }
    }

    private func end(_ member: Member, _ error: PluginError) {
        if let reply = member.opening { reply.call.fail(error) } else { member.source.fail(error) }
    }

    private func find(_ source: Source) -> Member? {
        for member in members where member.source == source { return member }
        return nil
    }

    private var credit: Int {
        var sum = 0
        for member in members { sum += member.credit }
        return sum
    }

    private func run(_ command: Command, _ wire: Wire?, _ isOpen: Bool) {
        switch command {
        case .join(let source, let reply):
            let member = Member(source, reply)
            members.append(member)
            if isOpen { opened(member) }
        case .leave(let source, let reply):
            if let reply { left.append(reply) }
            if let member = find(source) { leave(member) }
            // Others of the group go on: who leaves is told at once.
            guard !isStopping else { return }
            for reply in left { reply.done() }
            left = []
        case .credit(let source, let messages):
            if let member = find(source) { member.credit = messages == 0 ? 0 : member.credit + messages }
        case .settle(let source, let token, let isAgain):
            guard let message = find(source)?.unsettled.removeValue(forKey: token) else { return }
            if isAgain {
                message.attempt &+= 1
                waiting.append(message)
            } else if let wire {
                message.acknowledge(wire)
            }
        case .stop: isStopping = true
        }
    }

    private func open(_ isOpen: inout Bool) {
        guard !isOpen else { return }
        isOpen = true
        for member in members { opened(member) }
    }

    private func opened(_ member: Member) {
        member.opening?.done()
        member.opening = nil
    }

    /// What it has not settled is for its siblings, at once.
    private func leave(_ member: Member) {
        member.opening?.call.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The subscription was given up."))
        member.opening = nil
        let unsettled = member.unsettled.keys.sorted().map { member.unsettled[$0]! }
        waiting = unsettled + waiting
        members.removeAll { $0 === member }
        if members.isEmpty { isStopping = true }
    }

    private func take(_ packet: Received, _ wire: Wire, _ isOpen: inout Bool) throws(Fault) {
        switch packet.kind {
        case Packet.publish:
            guard let message = Incoming(packet) else { throw Fault(text: "it sent something that is not MQTT") }
            waiting.append(message)
            // Of an earlier connection: the subscription stands. Its answer is behind all that is to come.
            open(&isOpen)
        case Packet.suback:
            guard packet.body.count >= 3 else { throw Fault(text: "it sent something that is not MQTT") }
            guard packet.body[2] < 3 else {
                throw Fault(text: "the user may not subscribe to the topic", code: OCTAVO_CODE_PERMISSION_DENIED)
            }
            open(&isOpen)
        case Packet.pubrel:
            guard let number = packet.number else { throw Fault(text: "it sent something that is not MQTT") }
            wire.send(Packet.answer(Packet.pubcomp, number))
        default: break
        }
    }

    /// In turns to whoever has credit.
    private func deliver(_ wire: Wire) {
        var sent = 0
        defer { waiting.removeFirst(sent) }
        while sent < waiting.count, let member = next() {
            let message = waiting[sent], token = nextToken
            nextToken += 1
            member.unsettled[token] = message
            switch message.deliver(to: member.source, token, form) {
            case .done:
                member.credit -= 1
                sent += 1
            case .noCredit:
                member.credit = 0
                member.unsettled[token] = nil
            case .ended:
                member.unsettled[token] = nil
                // Its messages go to the front: those that were sent go first.
                waiting.removeFirst(sent)
                sent = 0
                leave(member)
            }
        }
    }

    private func next() -> Member? {
        for _ in members.indices {
            turn = (turn + 1) % members.count
            if members[turn].credit > 0, members[turn].opening == nil { return members[turn] }
        }
        return nil
    }
}

/// A message that has come.
final class Incoming {
    private let body: [UInt8]
    private let topicEnd: Int
    private let dataStart: Int
    private let qos: UInt8
    private let number: UInt16
    private let isRetained: Bool
    var attempt: UInt32

    /// `nil` for one that breaks the protocol.
    init?(_ packet: Received) {
        body = packet.body
        qos = packet.flags >> 1 & 3
        isRetained = packet.flags & 1 != 0
        attempt = packet.flags & 8 != 0 ? 1 : 0
        guard qos < 3, let length = packet.number else { return nil }
        topicEnd = 2 + Int(length)
        dataStart = topicEnd + (qos > 0 ? 2 : 0)
        guard body.count >= dataStart, body.withUnsafeBytes({ [topicEnd] in UTF8Check.isText(UnsafeRawBufferPointer(rebasing: $0[2..<topicEnd])) })
        else { return nil }
        number = qos > 0 ? UInt16(body[topicEnd]) << 8 | UInt16(body[topicEnd + 1]) : 0
    }

    func acknowledge(_ wire: Wire) {
        if qos > 0 { wire.send(Packet.answer(qos == 1 ? Packet.puback : Packet.pubrec, number)) }
    }

    func deliver(to source: Source, _ token: UInt64, _ form: Session.Form) -> Source.Delivered {
        form == .message ? deliverMessage(to: source, token) : deliverEvent(to: source, token)
    }

    private func deliverEvent(to source: Source, _ token: UInt64) -> Source.Delivered {
        var event = octavo_binding_event()
        return body.withUnsafeBytes { body in
            event.data = Bytes(UnsafeRawBufferPointer(rebasing: body[dataStart...]))
            let topic = Str(UnsafeRawBufferPointer(rebasing: body[2..<topicEnd]))
            return withUnsafePointer(to: octavo_pair(name: Str("topic"), value: topic)) { pair in
                event.metadata = octavo_list(UnsafeBufferPointer(start: pair, count: 1))
                return source.deliver(token, &event)
            }
        }
    }

    private func deliverMessage(to source: Source, _ token: UInt64) -> Source.Delivered {
        var raw = octavo_pubsub_message()
        raw.attempt = attempt
        return body.withUnsafeBytes { body in
            raw.topic = Str(UnsafeRawBufferPointer(rebasing: body[2..<topicEnd]))
            raw.data = Bytes(UnsafeRawBufferPointer(rebasing: body[dataStart...]))
            return withUnsafePointer(to: octavo_pair(name: Str("retained"), value: Str(isRetained ? "true" : "false"))) { pair in
                raw.metadata = octavo_list(UnsafeBufferPointer(start: pair, count: 1))
                return source.deliver(token, &raw)
            }
        }
    }
}

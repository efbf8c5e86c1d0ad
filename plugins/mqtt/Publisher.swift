import PluginKit

/// The connection that messages are published on, and the thread that has it: it connects again for ever.
final class Publisher {
    enum Command {
        case publish(Outgoing)
        case health(Call)
        case stop
    }

    /// Publications that wait for the server. Above this more are refused.
    private static let limit = 16_384
    /// Publications that the server has not acknowledged, at most, and bytes that it has not taken.
    private static let window = 1000, bytes = 1 << 20

    private let settings: Settings
    private let instance: Instance
    private let mailbox: Mailbox<Command>
    private var thread: OwnThread?
    private let lock = Lock()
    /// Under the lock: why nothing can be published now.
    private var down: PluginError?
    /// Under the lock.
    private var count = 0

    /// Of the thread.
    private var starting: Call?
    private var wire: Wire?
    private let id: [UInt8]
    private var waiting: [Outgoing] = []
    private var unconfirmed: [UInt16: Outgoing] = [:]
    private var number: UInt16 = 0
    private var checks: [Call] = []
    private var isStopping = false
    private var backoff = Backoff(longest: Settings.longestPause)

    /// Answers `call` when the first connection is there, or when it is clear that none will be.
    init(_ settings: Settings, _ instance: Instance, _ call: Call) throws(PluginError) {
        guard let mailbox = Mailbox<Command>() else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The process has no file descriptor left. Raise its limit.")
        }
        self.settings = settings
        self.instance = instance
        self.mailbox = mailbox
        // Its session ends with it, so that every publisher may have one of its own.
        id = Array(settings.name.prefix(200)) + [0x2D] + Decimal.with(Host.random()) { $0.array }
        down = .outage("The MQTT server \(settings.address) is being connected to.")
        starting = call
        thread = OwnThread.start(name: "mqtt-publish") { [unowned(unsafe) self] in self.run() }
        guard thread != nil else { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread for publishing.") }
    }

    /// Any thread; does not wait.
    func add(_ command: Command) throws(PluginError) {
        if case .publish = command {
            let refusal = lock.with { () -> PluginError? in
                if let down { return down }
                if count >= Self.limit {
                    return PluginError(
                        OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(Self.limit) messages wait for the MQTT server already. Publish less at a time.",
                        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
                }
                count += 1
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
        failAll(closed, closed)
        wire?.disconnect()
        wire = nil
    }

    private func connect() throws(Fault) {
        wire = try Wire(settings, id: id, clean: true)
        lock.with { down = nil }
        backoff.reset()
        starting?.done()
        starting = nil
        instance.reportHealth(.healthy, "connected")
    }

    private func lost(_ fault: Fault) {
        let error = fault.error(settings)
        lock.with { down = error }
        wire = nil
        var unsure = error
        unsure.message = "The connection to the MQTT server \(settings.address) is lost: \(fault.text). The message may have been published."
        unsure.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
        failAll(unsure, error)
        if let call = starting {
            // A wrong password does not become right, and the deadline leaves no time for another attempt.
            if fault.isPermanent || call.deadline == 0 || call.deadline - Host.now() < 1_000_000_000 {
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
        lock.with { count -= 1 }
        how(outgoing)
    }

    private func failAll(_ sent: PluginError, _ unsent: PluginError) {
        let all = unconfirmed, rest = waiting, asked = checks
        unconfirmed = [:]
        waiting = []
        checks = []
        for outgoing in all.values { end(outgoing) { $0.fail(sent) } }
        for outgoing in rest { end(outgoing) { $0.fail(unsent) } }
        for call in asked { call.fail(unsent) }
    }

    private func work() throws(Fault) {
        let wire = wire!
        var stopBy: Int64 = 0
        while true {
            for command in mailbox.take() {
                switch command {
                case .publish(let outgoing): waiting.append(outgoing)
                case .health(let call):
                    checks.append(call)
                    wire.send(Packet.ping)
                case .stop: isStopping = true
                }
            }
            publish(wire)
            try wire.flush()
            while let packet = try wire.next() { try take(packet, wire) }
            try wire.keepAlive(isReading: true)
            if isStopping {
                if stopBy == 0 { stopBy = Host.now() + 2_000_000_000 }
                if unconfirmed.isEmpty && waiting.isEmpty || Host.now() > stopBy { return }
            }
            // What an acknowledgement has made room for goes at once.
            if !waiting.isEmpty, unconfirmed.count < Self.window, wire.unsent < Self.bytes { continue }
            _ = mailbox.wait(
                wire.descriptor, for: Int32(POLLIN) | (wire.unsent > 0 ? Int32(POLLOUT) : 0), atMost: isStopping ? 50_000_000 : 5_000_000_000)
        }
    }

    private func publish(_ wire: Wire) {
        var taken = 0
        defer { waiting.removeFirst(taken) }
        while taken < waiting.count, unconfirmed.count < Self.window, wire.unsent < Self.bytes {
            let outgoing = waiting[taken]
            taken += 1
            repeat { number &+= 1 } while number == 0 || unconfirmed[number] != nil
            wire.send { Packet.publish(number, outgoing.topic, outgoing.data, qos: settings.qos, retain: outgoing.retains, to: &$0) }
            // Nothing is answered: it is on its way, which is all that there is to know.
            if settings.qos == 0 { end(outgoing) { $0.published() } } else { unconfirmed[number] = outgoing }
        }
    }

    private func take(_ packet: Received, _ wire: Wire) throws(Fault) {
        switch packet.kind {
        case Packet.puback, Packet.pubcomp:
            guard let number = packet.number else { throw Fault(text: "it sent something that is not MQTT") }
            if let outgoing = unconfirmed.removeValue(forKey: number) { end(outgoing) { $0.published() } }
        case Packet.pubrec:
            guard let number = packet.number else { throw Fault(text: "it sent something that is not MQTT") }
            wire.send(Packet.answer(Packet.pubrel, number))
            try wire.flush()
        case Packet.pingresp:
            let asked = checks
            checks = []
            for call in asked { call.done() }
        default: break
        }
    }
}

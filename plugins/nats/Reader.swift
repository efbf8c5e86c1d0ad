import NATSPluginNative
import PluginKit

/// A source of messages: a durable consumer that is asked for as many messages as there is credit. It outlives the connection.
/// On the reactor thread.
final class Reader {
    let source: Source
    let topic: [UInt8]
    let consumer: [UInt8]
    private unowned(unsafe) let broker: JetStreamBroker

    private enum Phase { case joining, reading, leaving, gone }
    private var phase = Phase.joining
    /// Of the inbox; 0: there is none now.
    private(set) var tag: UInt64 = 0
    private var inbox: [UInt8] = []
    private var stream: [UInt8] = []
    private var opening: Call?
    private var closing: Call?
    private var joinAgain: Int64 = 0
    private var joins = 0

    private var credit = 0
    private var waiting: [(letter: UnsafeMutablePointer<nats_letter>, ack: AckSubject)] = []
    private var unsettled: [UInt64: AckSubject] = [:]
    /// Tokens by the number of the message in the stream.
    private var tokens: [UInt64: UInt64] = [:]
    private var nextToken: UInt64 = 1
    /// What could not be said to the server for want of a connection. At most one for each message that was out.
    private var owed: [(ack: [CChar], word: [UInt8])] = []
    /// What is given back when nothing can come any more.
    private var left: [[CChar]] = []
    private var pulls = Pulls()
    private var ackWait: Int64 = 30_000_000_000
    private var nextSign: Int64 = 0

    init(_ broker: JetStreamBroker, _ source: Source, _ topic: [UInt8], _ group: [UInt8]) {
        self.broker = broker
        self.source = source
        self.topic = topic
        let durable = broker.settings.durableName
        consumer = durable.isEmpty ? Subject.name(of: group) + [0x7E] + Subject.name(of: topic) : durable
    }

    deinit {
        for one in waiting { nats_letter_throw_away(one.letter) }
    }

    var isLeaving: Bool { phase == .leaving || phase == .gone }
    var isGone: Bool { phase == .gone }

    // MARK: Joining

    /// `call` ends when the consumer is there.
    func open(_ call: Call) {
        opening = call
        join()
    }

    private func join() {
        joins += 1
        let number = joins
        (phase, joinAgain) = (.joining, 0)
        broker.streams.find(topic) { found in
            guard self.phase == .joining, number == self.joins else { return }
            switch found {
            case .error(let error): self.fail(error)
            case .name(let name):
                self.stream = name
                self.makeConsumer(number)
            }
        }
    }

    private func makeConsumer(_ number: Int) {
        let joined = Joining(broker, stream, consumer, topic)
        joined.make { outcome in
            guard self.phase == .joining, number == self.joins else { return }
            switch outcome {
            case .failed(let error): self.fail(error)
            case .joined(let wait):
                self.ackWait = max(wait, 100_000_000)
                self.begin()
            }
        }
    }

    private func begin() {
        do throws(PluginError) {
            var name = [CChar](repeating: 0, count: 128)
            nats_new_inbox_name(&name, name.count)
            inbox = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } + [0x2E]
            tag = try broker.link.subscribe(inbox + [0x2A])
            phase = .reading
            opening?.done()
            opening = nil
            pull()
        } catch { fail(error) }
    }

    /// An outage passes; anything else is for the runtime, which opens another source in its own time.
    private func fail(_ error: PluginError) {
        if let call = opening {
            opening = nil
            leave(nil)
            return call.fail(error)
        }
        if error.flags & OCTAVO_ERROR_OUTAGE != 0 {
            joinAgain = Host.now() + 1_000_000_000
            return
        }
        source.fail(error)
        leave(nil)
    }

    // MARK: The connection

    func linkIsUp() {
        guard !isLeaving else { return }
        let words = owed
        owed = []
        for one in words { say(one.word, one.ack) }
        join()
    }

    func linkIsDown() {
        tag = 0
        pulls.forget()
        if phase == .leaving { goneAway() }
    }

    func inboxIsOver() {
        tag = 0
        pulls.forget()
        guard phase == .leaving else { return }
        // Asked about a consumer the server throws away the requests that nobody waits for any more. Before that it may take a
        // message that is given back for one of them, and lose sight of it until its time is over (seen with 2.9.10).
        broker.requests.ask(Array("CONSUMER.INFO.".utf8) + stream + [0x2E] + consumer, nil) { _ in self.goneAway() } failed: { _ in
            self.goneAway()
        }
    }

    private func goneAway() {
        guard phase != .gone else { return }
        phase = .gone
        for ack in left { say(Reader.again, ack) }
        left = []
        closing?.done()
        closing = nil
        broker.readerHasGone()
    }

    /// What it has and has not settled is for whoever comes next, at once. `call` ends when nothing more can come.
    func leave(_ call: Call?) {
        guard !isLeaving else {
            call?.done()
            return
        }
        phase = .leaving
        opening?.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The subscription was given up."))
        opening = nil
        // Given back before the server has forgotten this one's requests, they would only come here again.
        left = unsettled.values.map { $0.text } + waiting.map { $0.ack.text }
        for one in waiting { nats_letter_throw_away(one.letter) }
        (unsettled, tokens, waiting, owed) = ([:], [:], [], [])
        closing = call
        if tag != 0, broker.link.raw != nil { broker.link.drain(tag) } else { goneAway() }
    }

    // MARK: Asking

    func grant(_ messages: Int) {
        credit = messages == 0 ? 0 : credit + messages
        deliver()
        pull()
    }

    private func pull() {
        guard phase == .reading, tag != 0 else { return }
        let now = Host.now()
        let batch = pulls.wanted(credit - waiting.count, now, isLimited: broker.settings.rateLimit > 0)
        guard batch > 0 else { return }
        var body = JSONText()
        body.put("batch", Int64(batch))
        body.put("expires", Pulls.expiry)
        body.put("idle_heartbeat", broker.settings.heartbeat)
        var reply = inbox
        Decimal.append(pulls.begin(batch, now), to: &reply)
        let subject = broker.settings.api + Array("CONSUMER.MSG.NEXT.".utf8) + stream + [0x2E] + consumer
        do throws(PluginError) {
            try broker.link.send(broker.link.cString(subject), reply: broker.link.cString(reply), body.end)
        } catch { pulls.forget() }
    }

    /// What time has brought.
    func look(_ now: Int64) {
        if joinAgain != 0, now >= joinAgain, !isLeaving { return join() }
        guard phase == .reading else { return }
        if now >= nextSign {
            nextSign = now + ackWait / 3
            for ack in unsettled.values { say(Reader.working, ack.text) }
            for one in waiting { say(Reader.working, one.ack.text) }
        }
        if pulls.areLost(now, broker.settings.heartbeat) { pulls.forget() }
        pull()
    }

    // MARK: What comes

    /// The letter is this one's from now on.
    func take(_ letter: UnsafeMutablePointer<nats_letter>) {
        if letter.pointee.status != 0 {
            status(letter)
            return nats_letter_throw_away(letter)
        }
        guard let reply = letter.pointee.reply, let ack = AckSubject(reply) else { return nats_letter_throw_away(letter) }
        guard phase == .reading else {
            left.append(ack.text)
            return nats_letter_throw_away(letter)
        }
        pulls.came(letter.pointee.size, Host.now(), broker.settings.rateLimit)
        if let token = tokens[ack.sequence] {
            // The server believes it lost, and it is with the app.
            unsettled[token] = ack
            nats_letter_throw_away(letter)
        } else if let place = waiting.firstIndex(where: { $0.ack.sequence == ack.sequence }) {
            waiting[place].ack = ack
            nats_letter_throw_away(letter)
        } else {
            waiting.append((letter, ack))
        }
        deliver()
        pull()
    }

    private func status(_ letter: UnsafeMutablePointer<nats_letter>) {
        let now = Host.now()
        pulls.heard(now)
        switch letter.pointee.status {
        case 100: return
        case 404, 408: pulls.ended(letter.pointee.subject, after: 0, now)
        case 503: rejoin(now)
        default:
            let said = letter.pointee.description.map { Str(UnsafeRawPointer($0), strlen($0)) } ?? .absent
            if said.equals("Consumer Deleted") { return rejoin(now) }
            pulls.ended(letter.pointee.subject, after: Self.tick, now)
        }
        pull()
    }

    private static let tick: Int64 = 200_000_000

    /// The consumer is not there; it is made again.
    private func rejoin(_ now: Int64) {
        guard phase == .reading else { return }
        broker.instance.warn("The consumer \(String(decoding: consumer, as: UTF8.self)) has gone; it is looked for, or made, again.")
        phase = .joining
        let old = tag
        tag = 0
        pulls.forget()
        broker.link.drain(old)
        joinAgain = now + 1_000_000_000
    }

    private func deliver() {
        var sent = 0
        while credit > 0, sent < waiting.count {
            let (letter, ack) = waiting[sent]
            let token = nextToken
            nextToken += 1
            unsettled[token] = ack
            tokens[ack.sequence] = token
            let outcome = hand(letter, ack, token)
            if outcome != .done {
                unsettled[token] = nil
                tokens[ack.sequence] = nil
                credit = 0
                if outcome == .noCredit { break }
                waiting.removeFirst(sent)
                return leave(nil)
            }
            credit -= 1
            sent += 1
            nats_letter_throw_away(letter)
            if broker.settings.acknowledgesAtOnce { done(token, Reader.acknowledged) }
        }
        waiting.removeFirst(sent)
    }

    private func hand(_ letter: UnsafeMutablePointer<nats_letter>, _ ack: AckSubject, _ token: UInt64) -> Source.Delivered {
        var message = octavo_pubsub_message()
        message.attempt = UInt32(clamping: max(ack.delivered, 1) - 1)
        message.published_ns = Int64(clamping: ack.published)
        if let subject = letter.pointee.subject { message.topic = Str(UnsafeRawPointer(subject), strlen(subject)) }
        if let data = letter.pointee.data { message.data = Bytes(UnsafeRawPointer(data), letter.pointee.size) }
        return Decimal.with(ack.sequence) { id in
            message.message_id = id
            return source.deliver(token, &message)
        }
    }

    // MARK: Settling

    private static let acknowledged = Array("+ACK".utf8), again = Array("-NAK".utf8)
    private static let dropped = Array("+TERM".utf8), working = Array("+WPI".utf8)

    func settle(_ token: UInt64, _ outcome: Int32, _ delay: Int64) {
        switch outcome {
        case OCTAVO_SETTLE_RETRY where delay > 0:
            var text = JSONText()
            text.put("delay", delay)
            done(token, Reader.again + [0x20] + text.end)
        case OCTAVO_SETTLE_RETRY: done(token, Reader.again)
        case OCTAVO_SETTLE_DROP: done(token, Reader.dropped)
        default: done(token, Reader.acknowledged)
        }
    }

    private func done(_ token: UInt64, _ word: [UInt8]) {
        guard let ack = unsettled.removeValue(forKey: token) else { return }
        tokens[ack.sequence] = nil
        say(word, ack.text)
    }

    private func say(_ word: [UInt8], _ ack: [CChar]) {
        do throws(PluginError) {
            try broker.link.send(ack, reply: nil, word)
        } catch {
            if !isLeaving, word != Reader.working { owed.append((ack, word)) }
        }
    }
}

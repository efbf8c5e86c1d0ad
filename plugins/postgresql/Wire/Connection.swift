import PluginKit
import PostgreSQLPluginNative

/// One connection in libpq's pipeline mode: statements go out one behind the other, results come back in the same order.
/// It comes back by itself when it is lost. On the reactor thread.
final class Connection {
    enum State {
        case closed
        case opening
        case greeting
        case ready
        case waiting
    }

    /// More bytes than this are not kept for a server that does not read.
    private static let maxUnsent = 64 << 20
    private static let maxPending = 16_384

    let settings: Settings
    let instance: Instance
    var state = State.closed
    private(set) var link: OpaquePointer?
    var opening: Opening?
    /// Attempts since the last success.
    var attempts = 0
    /// Whether it has reached the server once.
    var hasBeenReady = false
    var isClosedForGood = false
    /// Why there is no connection.
    var problem = "it was not tried yet"

    private var pending: [Exchange] = []
    private var head = 0
    private var unanswered = 0
    /// What waits, weighed.
    private(set) var load = 0
    private var prepared: [[CChar]: Bool] = [:]
    private var lastProgress: Int64 = 0

    private var watch: Watch!
    var timer: Timer!

    /// Ready, or (with the error) not any more. Set by the component, which outlives the connection.
    var onChange: (PluginError?) -> Void = { _ in }
    /// The thread of an attempt has ended.
    var onOpened: () -> Void = {}
    /// A notification: its channel and what it says.
    var onNotify: (Str, Str) -> Void = { _, _ in }

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        self.instance = instance
        // Both end with this object.
        watch = Watch(instance) { [unowned(unsafe) self] events in self.happened(events) }
        timer = Timer(instance) { [unowned(unsafe) self] in self.timePassed() }
    }

    deinit { PQfinish(link) }

    var isReady: Bool { state == .ready }
    var isOpening: Bool { opening != nil }
    private var waiting: Int { pending.count - head }

    // MARK: Statements

    /// Room for another exchange, or the error that says why there is none.
    func check() throws(PluginError) {
        guard state == .ready else { throw Failure.down(settings, problem) }
        guard waiting < Connection.maxPending, unanswered < Connection.maxUnsent || waiting == 0 else { throw Failure.tooMuch }
    }

    /// Sends the statements of an exchange, which is answered in any case.
    func send(_ exchange: Exchange) {
        guard let link, state == .ready || state == .greeting else {
            return exchange.end(.failed(Refusal(error: Failure.down(settings, problem))))
        }
        exchange.expected = []
        exchange.results = []
        exchange.refusal = nil
        exchange.place = 0
        prepare(exchange, link)
        guard self.link == link else {
            return exchange.end(.failed(Refusal(error: Failure.down(settings, problem))))
        }
        var isGood = true
        for (number, step) in exchange.steps.enumerated() where isGood {
            isGood = send(step, number, exchange, link)
        }
        isGood = isGood && PQpipelineSync(link) == 1
        if waiting == 0 { lastProgress = Host.now() }
        pending.append(exchange)
        unanswered += exchange.size
        load += exchange.weight
        guard isGood else { return lose(Failure.line(String(cString: PQerrorMessage(link)))) }
        arm(exchange)
        flush()
    }

    /// Has the server prepare what an exchange uses for the first time: apart from it, because what fails in an exchange
    /// would leave out what comes behind.
    private func prepare(_ exchange: Exchange, _ link: OpaquePointer) {
        guard settings.keepsPrepared else { return }
        for step in exchange.steps {
            guard self.link == link, let name = step.statement.name, prepared[name] == nil else { continue }
            prepared[name] = true
            let preparation = Exchange(isRead: true) { [unowned(unsafe) self] outcome in
                if case .failed = outcome { prepared[name] = nil }
            }
            preparation.expected = [nil]
            let isSent = step.parameters.with { raw in
                PQsendPrepare(link, name, step.statement.text, Int32(step.parameters.count), raw.types) == 1
            }
            if waiting == 0 { lastProgress = Host.now() }
            pending.append(preparation)
            load += preparation.weight
            guard isSent, PQpipelineSync(link) == 1 else { return lose(Failure.line(String(cString: PQerrorMessage(link)))) }
            arm(preparation)
        }
    }

    private func send(_ step: Exchange.Step, _ number: Int, _ exchange: Exchange, _ link: OpaquePointer) -> Bool {
        step.parameters.with { raw in
            let count = Int32(step.parameters.count)
            guard let name = step.statement.name, settings.keepsPrepared else {
                exchange.expected.append(number)
                return PQsendQueryParams(link, step.statement.text, count, raw.types, raw.values, raw.lengths, raw.formats, step.statement.isText ? 0 : 1) == 1
            }
            exchange.expected.append(number)
            return PQsendQueryPrepared(link, name, count, raw.values, raw.lengths, raw.formats, 1) == 1
        }
    }

    private func arm(_ exchange: Exchange) {
        if waiting == 1, state == .ready { timer.set(after: exchange.isPatient ? Int64.max / 4 : settings.silence) }
    }

    private func flush() {
        guard let link else { return }
        switch PQflush(link) {
        case 0: watch.change(OCTAVO_EVENT_READABLE)
        case 1: watch.change(OCTAVO_EVENT_READABLE | OCTAVO_EVENT_WRITABLE)
        default: lose(Failure.line(String(cString: PQerrorMessage(link))))
        }
    }

    // MARK: Events

    private func happened(_ events: UInt32) {
        guard let link, state == .ready || state == .greeting else { return }
        if events & (OCTAVO_EVENT_READABLE | OCTAVO_EVENT_CLOSED) != 0 {
            let isThere = PQconsumeInput(link) == 1
            takeResults()
            guard self.link == link else { return }
            if !isThere { return lose(Failure.line(String(cString: PQerrorMessage(link)))) }
            takeNotifications()
            guard self.link == link else { return }
        }
        flush()
    }

    private func takeNotifications() {
        while let link, let note = PQnotifies(link) {
            onNotify(
                Str(UnsafeRawPointer(note.pointee.relname!), strlen(note.pointee.relname)),
                Str(UnsafeRawPointer(note.pointee.extra!), strlen(note.pointee.extra)))
            PQfreemem(note)
        }
    }

    private func takeResults() {
        var nothing = 0
        while let link, waiting > 0, PQisBusy(link) == 0 {
            guard let result = PQgetResult(link) else {
                nothing += 1
                // One ends the results of a statement; two: there is no more.
                if nothing > 1 { return }
                continue
            }
            nothing = 0
            lastProgress = Host.now()
            take(result, pending[head])
        }
    }

    private func take(_ result: OpaquePointer, _ exchange: Exchange) {
        switch PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            finishFirst(exchange)
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            let rows = Rows(result)
            guard exchange.place < exchange.expected.count else { return lose("it sent a result that nobody had asked for") }
            if exchange.expected[exchange.place] != nil { exchange.results.append(rows) }
            exchange.place += 1
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            PQclear(result)
            lose("a statement was a COPY, which is not possible here")
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
        default:
            let state = String(cString: postgresql_state(result)), said = String(cString: postgresql_message(result))
            PQclear(result)
            guard exchange.refusal == nil else { return }
            // The last that was prepared may be what fails: its statement follows.
            let left = exchange.expected.dropFirst(exchange.place)
            let step = left.compactMap { $0 }.first ?? 0
            exchange.refusal = Refusal(error: Failure.from(state, said, settings), state: state, step: step)
        }
    }

    private func finishFirst(_ exchange: Exchange) {
        removeFirst()
        if waiting > 0 { arm(pending[head], restart: true) } else if state == .ready { timer.cancel() }
        guard var refusal = exchange.refusal else {
            guard exchange.results.count == exchange.steps.count else {
                return exchange.end(.failed(Refusal(error: Failure.unexpected(settings))))
            }
            return exchange.end(.done(exchange.results))
        }
        if refusal.has("26000") || refusal.has("0A000") || refusal.has("42P05") {
            // A pooler gave the connection another server, or the table was made anew.
            lose("its prepared statements are not those of this connection (behind a pooler, set queryExecMode to exec)")
        }
        if refusal.error.flags & OCTAVO_ERROR_OUTAGE != 0, !exchange.isRead { refusal.error = Self.doubtful(refusal.error) }
        exchange.end(.failed(refusal))
    }

    private func arm(_ exchange: Exchange, restart: Bool) {
        timer.set(after: exchange.isPatient ? Int64.max / 4 : settings.silence)
    }

    private func removeFirst() {
        let exchange = pending[head]
        unanswered -= exchange.size
        load -= exchange.weight
        head += 1
        if head == pending.count {
            pending.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 256, head * 2 > pending.count {
            pending.removeFirst(head)
            head = 0
        }
    }

    private static func doubtful(_ error: PluginError) -> PluginError {
        var error = error
        error.flags = error.flags & ~OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
        return error
    }

    private func timePassed() {
        switch state {
        case .waiting: open()
        case .greeting: failed("it did not answer within \(settings.connectTimeout / 1_000_000) ms")
        case .ready:
            guard waiting > 0, !pending[head].isPatient else { return }
            let silence = Host.now() - lastProgress
            if silence >= settings.silence {
                lose("it said nothing for \(silence / 1_000_000) ms")
            } else {
                timer.set(after: settings.silence - silence)
            }
        case .closed, .opening: break
        }
    }

    // MARK: Beginning and end

    /// Takes over a connection that libpq has opened; `false` when it can't be used.
    func begin(_ link: OpaquePointer) -> Bool {
        self.link = link
        return PQsetnonblocking(link, 1) == 0 && PQenterPipelineMode(link) == 1
            && watch.add(PQsocket(link), OCTAVO_EVENT_READABLE)
    }

    /// The connection broke: everything under way fails, and it is made again after a while.
    func lose(_ why: String) {
        guard state == .ready else { return failed(why) }
        problem = why
        tearDown(Failure.lost(settings, why))
        instance.warn("The connection to the PostgreSQL server \(settings.address) is lost: \(why)")
        attempts = 0
        onChange(Failure.down(settings, why))
        // Whoever heard of it may have closed the connection for good.
        if state == .closed, !isClosedForGood { retry() }
    }

    /// Lets go of the connection and ends what waits for a result.
    func tearDown(_ error: PluginError) {
        timer.cancel()
        watch.remove()
        PQfinish(link)
        link = nil
        state = .closed
        prepared = [:]
        let left = pending[head...]
        pending = []
        head = 0
        unanswered = 0
        load = 0
        for exchange in left {
            exchange.end(.failed(Refusal(error: exchange.isRead ? error : Self.doubtful(error))))
        }
    }
}

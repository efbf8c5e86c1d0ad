import PluginKit

/// One connection: commands go out one behind the other, replies come back in the same order. It comes
/// back by itself when it is lost. On the reactor thread.
final class Connection {
    enum State {
        case closed
        case resolving
        case connecting
        case encrypting
        case greeting
        case ready
        case waiting
    }

    /// More bytes than this are not kept for a server that does not read.
    private static let maxUnsent = 64 << 20
    private static let maxPending = 65_536

    let settings: Settings
    let instance: Instance
    var state = State.closed
    var stream: Stream?
    var addresses = Addresses()
    var nextAddress = 0
    /// Attempts since the last success.
    var attempts = 0
    /// Whether it has reached the server once.
    var hasBeenReady = false
    var isResolving = false
    var isClosedForGood = false
    /// Why there is no connection.
    var problem = "it was not tried yet"
    /// The hash of each script, as the server gave it.
    var hashes: [[UInt8]] = [[UInt8]](repeating: [], count: Script.count)
    var tls: OpaquePointer?
    /// Those that the greeting loads.
    let scripts: [Script]

    private var pending = PendingQueue()
    let output = ByteQueue()
    private let input = ByteQueue()
    /// Bytes that must be there before a reply can be complete.
    private var needed = 1
    private var written: UInt64 = 0
    private var sent: UInt64 = 0
    private var lastProgress: Int64 = 0

    private var watch: Watch!
    private var flushLater: Later!
    var timer: Timer!

    /// Ready, or (with the error) not any more. Set by the store, which outlives the connection.
    var onChange: (PluginError?) -> Void = { _ in }
    /// The resolver's thread has ended.
    var onResolved: () -> Void = {}
    /// Takes what a server sends unasked to a connection that subscribes; `false`: it is the reply to a command.
    var onPush: ((RESPReader) -> Bool)?

    init(_ settings: Settings, _ instance: Instance, scripts: [Script]) {
        self.settings = settings
        self.instance = instance
        self.scripts = scripts
        // Both end with this object.
        watch = Watch(instance) { [unowned(unsafe) self] events in self.happened(events) }
        flushLater = Later(instance)
        timer = Timer(instance) { [unowned(unsafe) self] in self.timePassed() }
    }

    var isReady: Bool { state == .ready }

    // MARK: Commands

    /// Room for another command, or the error that says why there is none.
    func check() throws(PluginError) {
        guard state == .ready else { throw Failure.down(settings, problem) }
        guard pending.count < Connection.maxPending, output.count < Connection.maxUnsent else { throw Failure.tooMuch }
    }

    /// Notes a command whose bytes the caller now appends to `output`.
    func expect(_ item: Pending) {
        var item = item
        // Bytes that an earlier command has appended since then count, too.
        written = sent + UInt64(output.count)
        item.start = written
        if pending.count == 0 {
            lastProgress = Host.now()
            if state == .ready { timer.set(after: settings.readTimeout) }
        }
        pending.append(item)
        flushLater.ask { self.flush() }
    }

    private func flush() {
        guard let stream, state == .ready || state == .greeting else { return }
        while output.count > 0 {
            switch stream.write(output.front, output.count) {
            case .bytes(let count):
                sent += UInt64(count)
                output.drop(count)
            case .wantWrite: return watch.change(OCTAVO_EVENT_READABLE | OCTAVO_EVENT_WRITABLE)
            case .wantRead: return watch.change(OCTAVO_EVENT_READABLE)
            case .ended: return lose("the server closed it")
            case .failed(let why): return lose(why)
            }
        }
        watch.change(OCTAVO_EVENT_READABLE)
    }

    // MARK: Events

    private func happened(_ events: UInt32) {
        switch state {
        case .connecting:
            if let why = stream?.connectProblem { return failed(why) }
            connected()
        case .encrypting: shakeHands()
        case .greeting, .ready:
            if events & (OCTAVO_EVENT_READABLE | OCTAVO_EVENT_CLOSED) != 0 { receive() }
            if events & OCTAVO_EVENT_WRITABLE != 0 || stream?.isEncrypted == true { flush() }
        case .closed, .resolving, .waiting: break
        }
    }

    private func timePassed() {
        switch state {
        case .resolving, .connecting, .encrypting, .greeting:
            failed("it did not answer within dialTimeout (\(settings.dialTimeout / 1_000_000) ms)")
        case .waiting: open()
        case .ready:
            guard pending.count > 0 else { return }
            let silence = Host.now() - lastProgress
            if silence >= settings.readTimeout {
                lose("it said nothing for readTimeout (\(settings.readTimeout / 1_000_000) ms)")
            } else {
                timer.set(after: settings.readTimeout - silence)
            }
        case .closed: break
        }
    }

    private func receive() {
        // A few rounds, so that one busy connection does not keep the others waiting.
        for _ in 0..<16 {
            guard let stream else { return }
            let room = input.room(max(16 << 10, min(needed - input.count, 1 << 20)))
            switch stream.read(room) {
            case .bytes(let count):
                input.added(count)
                lastProgress = Host.now()
                handleReplies()
                if count < room.count, !stream.isEncrypted { return }
            case .wantRead: return
            case .wantWrite: return watch.change(OCTAVO_EVENT_READABLE | OCTAVO_EVENT_WRITABLE)
            case .ended: return lose("the server closed it")
            case .failed(let why): return lose(why)
            }
        }
    }

    private func handleReplies() {
        while state == .ready || state == .greeting, input.count >= needed {
            switch RESP.measure(input.front, input.count) {
            case .complete(let size):
                needed = 1
                var reply = RESPReader(input.front, size)
                if onPush?(reply) != true {
                    guard let item = pending.popFirst() else { return lose("it sent a reply that nobody had asked for") }
                    handle(item, &reply)
                }
                // Losing the connection meanwhile has emptied the buffer.
                guard input.count >= size else { return }
                input.drop(size)
            case .incomplete(let count):
                needed = count
                return
            case .invalid: return lose("it does not speak the protocol of Redis")
            }
        }
    }

    private func handle(_ item: Pending, _ reply: inout RESPReader) {
        switch item.kind {
        case .get: getAnswered(item, &reply)
        case .getText: getTextAnswered(item, &reply)
        case .set, .remove: writeAnswered(item, &reply)
        case .exchange: item.exchange!.answered(item.number, &reply)
        }
    }

    // MARK: Ends

    /// The connection broke: everything under way fails, and it is made again after a while.
    func lose(_ why: String) {
        if state != .ready { return failed(why) }
        problem = why
        tearDown(Failure.lost(settings, why))
        instance.warn("The connection to the Redis server \(settings.address) is lost: \(why)")
        attempts = 0
        onChange(Failure.down(settings, why))
        // Whoever heard of it may have closed the connection for good.
        if state == .closed, !isClosedForGood { retry() }
    }

    /// Lets go of the socket and ends what waits for a reply.
    func tearDown(_ error: PluginError) {
        timer.cancel()
        watch.remove()
        stream = nil
        state = .closed
        input.reset()
        output.reset()
        needed = 1
        let edge = sent
        sent = 0
        var left = pending
        pending = PendingQueue()
        while let item = left.popFirst() {
            var error = error
            // Bytes that never left this machine can't have done anything.
            if !item.isRead, item.start < edge {
                error.flags = error.flags & ~OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
            }
            if let exchange = item.exchange { exchange.failed(item.number, error) } else { Call(item.call).fail(error) }
        }
    }

    func watchStream(_ events: UInt32) -> Bool { watch.add(stream!.descriptor, events) }
    func changeWatch(_ events: UInt32) { watch.change(events) }
}

import PluginKit

/// From an address to a connection that is ready: resolve, connect, encrypt, greet.
extension Connection {
    func open() {
        timer.cancel()
        attempts += 1
        nextAddress = 0
        timer.set(after: settings.dialTimeout)
        state = .resolving
        addresses = Addresses()
        addresses.resolve(settings, numericOnly: true)
        if !addresses.list.isEmpty || settings.isLocalSocket { return connectNext() }
        resolveName()
    }

    /// Asking for a name blocks: on a thread of its own.
    private func resolveName() {
        // The thread of an earlier attempt may still wait for its answer: it will serve this one.
        if isResolving { return }
        let found = Addresses(), settings = settings
        isResolving = Background.start(
            instance, name: "redis-resolve", work: { found.resolve(settings, numericOnly: false) },
            then: { [self] in
                isResolving = false
                onResolved()
                guard state == .resolving else { return }
                addresses = found
                connectNext()
            })
        if !isResolving { failed("there is no thread to resolve its name") }
    }

    private func connectNext() {
        var why = addresses.problem ?? "its name has no address"
        while nextAddress < addresses.list.count {
            let address = addresses.list[nextAddress]
            nextAddress += 1
            guard let stream = Stream(address, problem: &why) else { continue }
            self.stream = stream
            state = .connecting
            if watchStream(OCTAVO_EVENT_WRITABLE) { return }
            self.stream = nil
            why = "its socket can't be watched"
        }
        failed(why)
    }

    func connected() {
        guard settings.usesTLS else { return greet() }
        guard let tls, stream!.encrypt(tls, settings.host) else { return failed("there is no memory for TLS") }
        state = .encrypting
        shakeHands()
    }

    func shakeHands() {
        switch stream!.shakeHands() {
        case .bytes: greet()
        case .wantRead: changeWatch(OCTAVO_EVENT_READABLE)
        case .wantWrite: changeWatch(OCTAVO_EVENT_WRITABLE)
        case .ended: failed("the server ended the connection; does it speak TLS on this port?")
        case .failed(let why): failed(why)
        }
    }

    private func greet() {
        state = .greeting
        changeWatch(OCTAVO_EVENT_READABLE)
        Greeting(self).send()
    }

    func greeted() {
        state = .ready
        hasBeenReady = true
        attempts = 0
        timer.cancel()
        onChange(nil)
    }

    /// An attempt to connect came to nothing: the next address, or another attempt later.
    func failed(_ why: String) {
        problem = why
        let more = state == .connecting && nextAddress < addresses.list.count
        tearDown(Failure.down(settings, why))
        if more {
            timer.set(after: settings.dialTimeout)
            return connectNext()
        }
        onChange(Failure.down(settings, why))
        // Whoever heard of it may have closed the connection for good.
        if state == .closed, !isClosedForGood { retry() }
    }

    /// The server refuses the greeting (password, database): no other address will do better.
    func refused(_ error: PluginError) {
        problem = error.message
        tearDown(error)
        onChange(error)
        if state == .closed, !isClosedForGood { retry() }
    }

    /// Waits, twice as long each time, ± 20 % so that many do not come at the same moment.
    func retry() {
        state = .waiting
        var wait = settings.minBackoff
        var left = attempts
        while left > 0, wait < settings.maxBackoff {
            wait *= 2
            left -= 1
        }
        // A start has a deadline, before which it gives the reason of its last attempt: there has to be one near it.
        wait = min(wait, hasBeenReady ? settings.maxBackoff : settings.maxBackoff / 10)
        wait = wait * 4 / 5 + Int64(Host.random() % UInt64(max(wait * 2 / 5, 1)))
        timer.set(after: wait)
    }

    func close() {
        isClosedForGood = true
        tearDown(PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is being stopped.", flags: OCTAVO_ERROR_RETRYABLE))
    }
}

/// What is said first: who we are, which database, and the scripts.
private final class Greeting: Exchange {
    private let connection: Connection
    private enum Step { case authenticate, select, load(Script), ping }
    private var steps: [Step] = []

    init(_ connection: Connection) {
        self.connection = connection
        super.init(isRead: true)
    }

    func send() {
        let settings = connection.settings, output = connection.output
        func step(_ step: Step, _ arguments: Int) {
            connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self, number: steps.count))
            steps.append(step)
            output.command(arguments)
        }
        if !settings.password.isEmpty {
            step(.authenticate, settings.username.isEmpty ? 2 : 3)
            output.argument("AUTH")
            if !settings.username.isEmpty { output.argument(settings.username) }
            output.argument(settings.password)
        }
        if settings.database != 0 {
            step(.select, 2)
            output.argument("SELECT")
            output.argument(settings.database)
        }
        for script in connection.scripts {
            step(.load(script), 3)
            output.argument("SCRIPT")
            output.argument("LOAD")
            output.argument(script.source)
        }
        step(.ping, 1)
        output.argument("PING")
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let value = reply.next()
        if value.kind == .error { return connection.refused(Failure.from(value.text, connection.settings)) }
        switch steps[number] {
        case .load(let script): connection.hashes[script.rawValue] = value.text.array
        case .ping: connection.greeted()
        case .authenticate, .select: break
        }
    }
}

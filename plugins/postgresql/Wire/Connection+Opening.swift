import PluginKit
import PostgreSQLPluginNative

/// From settings to a connection that is ready.
extension Connection {
    func open() {
        timer.cancel()
        attempts += 1
        state = .opening
        // The thread of an earlier attempt may still be at it: its end begins another one.
        if isOpening { return }
        let limit = settings.connectTimeout
        let opening = Opening(settings.target, deadline: Host.now() + limit)
        self.opening = opening
        let isStarted = Background.start(
            instance, name: "pg-connect", work: { opening.run() },
            then: { [self] in
                self.opening = nil
                ended(opening, limit)
                onOpened()
            })
        if !isStarted {
            self.opening = nil
            failed("there is no thread to connect")
        }
    }

    private func ended(_ opening: Opening, _ limit: Int64) {
        guard state == .opening, !isClosedForGood else { return }
        if opening.outcome == POSTGRESQL_WOKEN { return open() }
        guard let link = opening.take() else {
            let why = opening.problem(limit)
            return opening.isPermanent ? refused(Failure.refused(settings, why), why) : failed(why)
        }
        guard begin(link) else { return failed("its socket can't be watched") }
        state = .greeting
        timer.set(after: limit)
        greet()
    }

    private func greet() {
        let greeting = Exchange(isRead: true) { [unowned(unsafe) self] outcome in
            guard state == .greeting else { return }
            switch outcome {
            case .done: greeted()
            case .failed(let refusal): failed(refusal.error.message)
            }
        }
        if settings.keepsPrepared {
            var parameters = Parameters()
            var milliseconds: [UInt8] = []
            Decimal.append(max(settings.timeout / 1_000_000, 1), to: &milliseconds)
            parameters.add(text: milliseconds)
            greeting.add(Statement("SELECT set_config('statement_timeout', $1, false)"), parameters)
        } else {
            // Behind a pooler a setting would be the next client's, too.
            greeting.add(Statement("SELECT 1"))
        }
        send(greeting)
    }

    private func greeted() {
        state = .ready
        hasBeenReady = true
        attempts = 0
        timer.cancel()
        onChange(nil)
    }

    /// An attempt to connect came to nothing: another one later.
    func failed(_ why: String) {
        problem = why
        tearDown(Failure.down(settings, why))
        onChange(Failure.down(settings, why))
        // Whoever heard of it may have closed the connection for good.
        if state == .closed, !isClosedForGood { retry() }
    }

    private func refused(_ error: PluginError, _ why: String) {
        problem = why
        tearDown(error)
        onChange(error)
        if state == .closed, !isClosedForGood { retry() }
    }

    private static let minBackoff: Int64 = 50_000_000
    static let maxBackoff: Int64 = 5_000_000_000

    /// Waits, twice as long each time, ± 20 % so that many do not come at the same moment.
    func retry() {
        state = .waiting
        var wait = Connection.minBackoff
        var left = attempts
        while left > 0, wait < Connection.maxBackoff {
            wait *= 2
            left -= 1
        }
        // A start has a deadline, before which it gives the reason of its last attempt: there has to be one near it.
        wait = min(wait, hasBeenReady ? Connection.maxBackoff : Connection.maxBackoff / 10)
        wait = wait * 4 / 5 + Int64(Host.random() % UInt64(max(wait * 2 / 5, 1)))
        timer.set(after: wait)
    }

    func close() {
        isClosedForGood = true
        opening?.cancel()
        tearDown(PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is being stopped.", flags: OCTAVO_ERROR_RETRYABLE))
    }
}

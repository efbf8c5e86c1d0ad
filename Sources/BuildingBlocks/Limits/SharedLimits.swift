import COctavo
package import Components
package import Governance
package import Logging
package import NIOCore

/// Keeps the counts of rate limits that runtimes share, each under a key of a state component. What is asked of the component here follows no
/// policies: a limit would wait for itself. Any thread.
package final class SharedLimits: Sendable {
    private let loop: NIOLoopBound<CallLoop>
    private let namespace: String
    private let logger: Logger

    /// `loop`: the component is called on it. `namespace`: of the apps.
    package init(_ loop: NIOLoopBound<CallLoop>, namespace: String, logger: Logger) {
        self.loop = loop
        self.namespace = namespace
        self.logger = logger
    }

    /// Reserves tokens for the target and tells it, once.
    package func reserve(_ governor: Governor, _ wanted: Int) {
        loop.eventLoop.execute { [self] in
            guard let rule = governor.policy.rateLimit, let shared = rule.value.shared else { return }
            let key = Self.key(policy: rule.name, target: governor.target, namespace: namespace)
            Reservation(loop.value, shared.store, key, SharedCount(rule.value), wanted) { [self] result in
                tell(governor, shared, rule.name, result)
            }.begin()
        }
    }

    /// No app can have it: no key of one holds two separators.
    static func key(policy: String, target: String, namespace: String) -> String {
        "octavo-rate-limit||\(policy)||\(target)" + (namespace.isEmpty ? "" : "||\(namespace)")
    }

    private func tell(_ governor: Governor, _ shared: SharedRateLimit, _ policy: String, _ result: Reservation.Outcome) {
        let now = monotonicNanoseconds()
        var about: Logger.Metadata = ["policy": "\(policy)", "target": "\(governor.target)", "store": "\(shared.store)"]
        switch result {
        case .success(let answer):
            if governor.reserved(answer, now: now) { logger.info("a rate limit is shared again", metadata: about) }
        case .failure(let cause):
            guard governor.reserved(nil, now: now) else { return }
            about["cause"] = "\(cause.text)"
            about["until-then"] =
                switch shared.withoutStore {
                case .local: "this runtime has the limit for itself"
                case .allow: "calls are let through"
                case .refuse: "calls are refused"
                }
            logger.error("a rate limit can't be shared", metadata: about)
        }
    }
}

/// Reads the count, and writes it as it is after the tokens have been taken, if nobody else has written meanwhile; else once more.
private final class Reservation {
    struct Cause: Error { let text: String }
    typealias Outcome = Result<(tokens: ReservedTokens, wait: Int64), Cause>

    private let loop: CallLoop
    private let store: String
    private let key: String
    private let count: SharedCount
    private let wanted: Int
    private let done: (Outcome) -> Void
    private var tries = 0
    private let began = monotonicNanoseconds()

    /// One call of the component.
    private static let patience: Int64 = 500_000_000
    private static let limit: Int64 = 2_000_000_000

    init(_ loop: CallLoop, _ store: String, _ key: String, _ count: SharedCount, _ wanted: Int, _ done: @escaping (Outcome) -> Void) {
        self.loop = loop
        self.store = store
        self.key = key
        self.count = count
        self.wanted = wanted
        self.done = done
    }

    func begin() {
        guard let ref = loop.component(named: store) else { return fail("there is no component \(store)") }
        guard ref.kind == OCTAVO_KIND_STATE else { return fail("the component \(store) is \(ref.type), no state store") }
        if ref.startsOnDemand { ref.whenSettled { [self] in read(ref) } } else { read(ref) }
    }

    private func fail(_ text: String) { done(.failure(Cause(text: text))) }

    private func read(_ ref: ComponentRef) {
        if ref.isReady, ref.features & UInt64(OCTAVO_STATE_ETAG) == 0 {
            return fail("the component \(store) (\(ref.type)) has no ETags, which a shared count needs")
        }
        let waiter = Waiter { [self] result in
            switch result {
            case .failure(let error): fail("\(error)")
            case .success(let reply):
                guard let reply = reply?.loadUnaligned(as: octavo_state_get_reply.self), reply.flags & OCTAVO_STATE_FOUND != 0 else {
                    return take(ref, nil, nil)
                }
                let text = String(decoding: reply.value.bytes, as: UTF8.self)
                guard let full = Int64(text) else { return fail("the value of \(key) is no number") }
                take(ref, full, String(reply.etag))
            }
        }
        guard
            var slot = ref.openFree(
                OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: key.utf8.count + 16,
                deadline: monotonicNanoseconds() + Self.patience, waiter: waiter)
        else { return }
        slot.request.pointee.key = slot.text(key)
        slot.request.pointee.consistency = OCTAVO_CONSISTENCY_STRONG
        slot.submit()
    }

    private func take(_ ref: ComponentRef, _ full: Int64?, _ etag: String?) {
        let clock = monotonicNanoseconds(), ahead = Int64(wallSeconds() * 1e9) - clock
        let found = count.reserve(wanted, full: full, now: clock + ahead)
        let answer = (
            tokens: ReservedTokens(count: found.count, first: found.first - ahead, cost: count.cost, now: clock), wait: found.wait
        )
        if found.count == 0 { return done(.success(answer)) }
        let waiter = Waiter { [self] result in
            switch result {
            case .success: done(.success(answer))
            // Somebody else was first, or the key has gone.
            case .failure(let error) where error.code == OCTAVO_CODE_ABORTED || error.code == OCTAVO_CODE_ALREADY_EXISTS: again(ref)
            case .failure(let error): fail("\(error)")
            }
        }
        let text = "\(found.full)", bytes = key.utf8.count + text.utf8.count + (etag?.utf8.count ?? 0) + 64
        guard
            var slot = ref.openFree(
                OCTAVO_STATE_OP_SET, octavo_state_write_request.self, bytes: bytes,
                deadline: monotonicNanoseconds() + Self.patience, waiter: waiter)
        else { return }
        let write = slot.request
        write.pointee.write.key = slot.text(key)
        write.pointee.write.value = Array(text.utf8).withUnsafeBytes { slot.bytes($0) }
        if let etag { write.pointee.write.etag = slot.text(etag) }
        write.pointee.write.concurrency = OCTAVO_CONCURRENCY_FIRST_WRITE
        write.pointee.write.consistency = OCTAVO_CONSISTENCY_STRONG
        if ref.features & UInt64(OCTAVO_STATE_TTL) != 0 { write.pointee.write.ttl_ns = life(found.full, now: clock + ahead) }
        slot.submit()
    }

    /// What is full says nothing: whole seconds, for stores know no others, and a minute for clocks that differ.
    private func life(_ full: Int64, now: Int64) -> Int64 { (max(full - now, 0) / 1_000_000_000 + 61) * 1_000_000_000 }

    private func again(_ ref: ComponentRef) {
        tries += 1
        guard monotonicNanoseconds() - began < Self.limit else {
            return fail("others write \(key) all the time: \(tries) tries in \(Self.limit / 1_000_000_000) s met with one")
        }
        let pause = Int64.random(in: 0...(1_000_000 << Int64(min(tries, 5))))
        loop.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(pause)) { [self] in read(ref) }
    }

    private final class Waiter: CallWaiter {
        private let done: (Result<UnsafeRawPointer?, CallError>) -> Void

        init(_ done: @escaping (Result<UnsafeRawPointer?, CallError>) -> Void) { self.done = done }

        override func completed(_ reply: UnsafeRawPointer?) { done(.success(reply)) }
        override func failed(_ error: CallError) { done(.failure(error)) }
    }
}

import Components
import Synchronization

/// Messages at which the app broke off, over all event loops: they may have ended it. Which of them has is found out by
/// giving the app one of them at a time, beside what is not suspected. Times are passed in. Any thread.
package final class SuspectMessages: Sendable {
    /// What a message is known by when it comes again.
    package typealias Key = Int

    /// How a message is to be delivered.
    package enum Admission {
        case ordinary
        /// As the only suspect that the app has; the next one is let in when the trial ends.
        case alone(Trial)
        /// Another suspect is with the app: `wake` is called when it is not any more.
        case taken
        /// Not before that time: the app has not been up for long.
        case later(Int64)
        /// It has ended the app, nobody else takes it, and it is not to come again before that time.
        case paused(Int64)
        /// It has ended the app so often that it goes elsewhere; so often.
        case convicted(deaths: Int)
    }

    /// The app has the suspect, until this is gone.
    package final class Trial: Sendable {
        private let suspects: SuspectMessages

        fileprivate init(_ suspects: SuspectMessages) { self.suspects = suspects }
        deinit { suspects.release() }
    }

    private struct Suspect {
        /// Times that the app broke off at it and at others.
        var breaks = 0
        /// Times that the app broke off at it alone.
        var deaths = 0
        var last: Int64 = 0
    }

    private struct Known {
        var suspects: [Key: Suspect] = [:]
        var isTrying = false
        var waiting: [@Sendable () -> Void] = []
        /// When there was looked for room last: it costs a look at all.
        var lookedAt = Int64.min
    }

    private let known = Mutex(Known())
    /// Of suspects; mostly 0, and then nothing is looked up.
    private let count = Atomic<Int>(0)

    /// Of an app that is restarted with messages in its hands each may have been among them more than once.
    static let breaks = 2
    /// Trials that end with the app.
    static let deaths = 3
    /// An app that ends at once, or is restarted again and again, ends at every message.
    static let quiet: Int64 = 1_000_000_000
    /// What has not happened again for so long did not happen.
    static let memory: Int64 = 3_600_000_000_000
    private static let most = 10_000

    package init() {}

    package var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    /// How the message is to be delivered by a subscription that the app has had since `opened` (monotonic nanoseconds).
    package func admit(_ key: Key, now: Int64, opened: Int64, wake: (@Sendable () -> Void)?) -> Admission {
        guard count.load(ordering: .relaxed) > 0 else { return .ordinary }
        return known.withLock { known in
            guard let suspect = known.suspects[key] else { return .ordinary }
            guard now - suspect.last < Self.memory else {
                remove(key, &known)
                return .ordinary
            }
            if suspect.deaths >= Self.deaths { return .convicted(deaths: suspect.breaks + suspect.deaths) }
            guard suspect.breaks >= Self.breaks else { return .ordinary }
            return begin(now, opened, wake, &known)
        }
    }

    /// The same for one that is convicted and comes to the app all the same, because nobody else takes it. `pause`: after its last try.
    package func admitConvicted(_ key: Key, now: Int64, opened: Int64, pause: Int64, wake: (@Sendable () -> Void)?) -> Admission {
        known.withLock { known in
            guard let suspect = known.suspects[key] else { return .ordinary }
            guard now >= suspect.last + pause else { return .paused(suspect.last + pause) }
            return begin(now, opened, wake, &known)
        }
    }

    private func begin(_ now: Int64, _ opened: Int64, _ wake: (@Sendable () -> Void)?, _ known: inout Known) -> Admission {
        guard now >= opened + Self.quiet else { return .later(opened + Self.quiet) }
        guard !known.isTrying else {
            if let wake { known.waiting.append(wake) }
            return .taken
        }
        known.isTrying = true
        return .alone(Trial(self))
    }

    /// The app broke off while it had the message.
    package func broke(_ key: Key, alone: Bool, now: Int64) {
        known.withLock { known in
            guard known.suspects[key] != nil || known.suspects.count < Self.most || makeRoom(&known, now) else { return }
            let suspect = known.suspects[key]
            if suspect == nil { count.wrappingAdd(1, ordering: .relaxed) }
            var next = suspect.map { now - $0.last < Self.memory ? $0 : Suspect() } ?? Suspect()
            if alone { next.deaths += 1 } else { next.breaks += 1 }
            next.last = now
            known.suspects[key] = next
        }
    }

    /// The app has answered it, whatever it said, or nobody gets it any more.
    package func answered(_ key: Key) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        known.withLock { remove(key, &$0) }
    }

    private func remove(_ key: Key, _ known: inout Known) {
        if known.suspects.removeValue(forKey: key) != nil { count.wrappingSubtract(1, ordering: .relaxed) }
    }

    /// What was seen once, or has grown old, is forgotten first. False: there is nothing of that kind.
    private func makeRoom(_ known: inout Known, _ now: Int64) -> Bool {
        guard now > known.lookedAt else { return false }
        known.lookedAt = now + Self.quiet
        known.suspects = known.suspects.filter { ($0.value.breaks > 1 || $0.value.deaths > 0) && now - $0.value.last < Self.memory }
        count.store(known.suspects.count, ordering: .relaxed)
        return known.suspects.count < Self.most
    }

    private func release() {
        let waiting = known.withLock { known in
            known.isTrying = false
            defer { known.waiting = [] }
            return known.waiting
        }
        for wake in waiting { wake() }
    }
}

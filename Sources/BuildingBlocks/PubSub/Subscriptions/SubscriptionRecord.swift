import Components
import Synchronization

/// What is known of one subscription, for lists, metrics and `doctor`. It outlives what is open: a subscription whose app is
/// away is still one. Any thread.
package final class SubscriptionRecord: Sendable {
    /// What a subscription is doing.
    package enum Condition: Sendable, Equatable {
        /// It is being opened, or its component is not there yet.
        case waiting
        case active
        /// It could not be opened, or ended by itself: it is tried again, for ever.
        case retrying(cause: String)
        /// Nothing is fetched, because the app is not up.
        case paused(cause: String)
        /// It will not be tried again before something else changes.
        case stopped(cause: String)
    }

    /// The record at a time.
    package struct Snapshot: Sendable {
        package var listed: ListedSubscription
        package var condition: Condition
        /// Since when, in seconds since 1970.
        package var since: Double
        /// The last that went wrong, also when it has come right; nil: nothing has.
        package var lastError: String?
        package var totals: SubscriptionTotals
        /// Messages that the app has and has not answered.
        package var inFlight: Int
        /// How long the app has answered nothing, though it has something; nil when it has nothing.
        package var silence: Duration?
    }

    let number: Int
    let figures = SubscriptionFigures()
    private let changing: Mutex<Changing>

    private struct Changing {
        var listed: ListedSubscription
        var condition = Condition.waiting
        var since = wallSeconds()
        var lastError: String?
        var wasOpened = false
    }

    init(_ listed: ListedSubscription, number: Int) {
        self.number = number
        changing = Mutex(Changing(listed: listed))
    }

    /// Whether it was opened once, or an opening has failed, or there will be none.
    var wasOpened: Bool { changing.withLock { $0.wasOpened } }

    /// An opening has come to its end.
    func setOpened() { changing.withLock { $0.wasOpened = true } }

    var listed: ListedSubscription { changing.withLock { $0.listed } }

    func relist(_ listed: ListedSubscription) { changing.withLock { $0.listed = listed } }

    /// The time of a condition is that of its beginning: a cause that changes begins nothing, and trying does not end a failure.
    func become(_ condition: Condition) {
        changing.withLock { known in
            if case .waiting = condition, case .retrying = known.condition { return }
            switch condition {
            case .retrying(let cause): known.lastError = cause
            case .stopped(let cause):
                known.lastError = cause
                known.wasOpened = true
            default: break
            }
            if !known.condition.isLike(condition) { known.since = wallSeconds() }
            known.condition = condition
        }
    }

    package var snapshot: Snapshot {
        let (listed, condition, since, lastError) = changing.withLock { ($0.listed, $0.condition, $0.since, $0.lastError) }
        let silence = figures.silentSince.map { Duration.nanoseconds(max(monotonicNanoseconds() - $0, 0)) }
        return Snapshot(
            listed: listed, condition: condition, since: since, lastError: lastError, totals: figures.totals,
            inFlight: figures.inFlight, silence: silence)
    }
}

extension SubscriptionRecord.Condition {
    fileprivate func isLike(_ other: Self) -> Bool {
        switch (self, other) {
        case (.waiting, .waiting), (.active, .active), (.retrying, .retrying), (.paused, .paused), (.stopped, .stopped): true
        default: false
        }
    }
}

package import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// Looks for what comes next a little longer before an event loop goes to sleep: to wake a sleeping thread, and the core that it
/// slept on, takes longer than most answers do. Confined to its event loop.
///
/// What it costs is processor time while nothing comes. So it learns whether looking pays, separately for the two things that are
/// waited for: an answer to what has been sent on, and the next request. Where fewer than half of the last looks saw something, or
/// there is always something already, it looks once in a while only, until that changes. A thread that waits for this core gets
/// it in between.
package final class BusyPoll {
    /// How well it pays to wait for one thing.
    private struct Outlook {
        /// 0...`full`: one up for a look that saw something, one down for one that did not.
        var score = full
        /// Chances to look that were left out.
        var skipped = 0
    }

    private let eventLoop: any EventLoop
    /// How long it looks, in nanoseconds.
    private let window: UInt64
    private let look: @Sendable () -> Void

    /// When it gives up, in monotonic nanoseconds.
    private var until: UInt64 = 0
    private(set) var isLooking = false
    /// How often it has looked.
    private(set) var looks = 0
    private var isFirstLook = false
    /// Requests sent on and not answered.
    private var sentOn = 0
    private var request = Outlook()
    private var answer = Outlook()
    /// Which of the two is waited for.
    private var awaitsAnswer = false
    /// Looks in a row that saw something at once: then the loop would not sleep anyway.
    private var immediate = 0
    private var rest = 0
    /// What the loop sleeps on: readable when it would wake up.
    private var selector = SelectorDescriptor.unknown

    private static let full = 16
    private static let probeEvery = 64
    private static let immediateLimit = 4

    /// `window`: how long it looks; zero for never.
    package init(eventLoop: any EventLoop, window: Duration) {
        self.eventLoop = eventLoop
        self.window = UInt64(max(window / .nanoseconds(1), 0))
        let bound = NIOLoopBound(Back(), eventLoop: eventLoop)
        // Made once: a look costs no allocation.
        look = { bound.value.poll?.goOn() }
        bound.value.poll = self
    }

    /// Without a cycle of references.
    private final class Back {
        weak var poll: BusyPoll?
    }

    /// A request has been sent on.
    func sent() { sentOn += 1 }
    /// It has been answered, or nobody waits any more.
    func answered() { sentOn -= 1 }

    /// Something has been written to `channel`, one of the loop's: what comes next may come soon.
    func wrote(to channel: @autoclosure () -> any Channel) {
        guard window > 0 else { return }
        guard rest == 0 else {
            rest -= 1
            return
        }
        awaitsAnswer = sentOn > 0
        guard awaitsAnswer ? Self.isPromising(&answer) : Self.isPromising(&request) else { return }
        until = NIODeadline.now().uptimeNanoseconds + window
        guard !isLooking else { return }
        if selector == SelectorDescriptor.unknown { selector = SelectorDescriptor.find(by: channel()) }
        guard selector >= 0 else { return }
        isLooking = true
        isFirstLook = true
        looks += 1
        eventLoop.execute(look)
    }

    private static func isPromising(_ outlook: inout Outlook) -> Bool {
        guard outlook.score < full / 2 else { return true }
        outlook.skipped += 1
        guard outlook.skipped >= probeEvery else { return false }
        outlook.skipped = 0
        return true
    }

    private func goOn() {
        // A few looks for each reading of the clock. Tasks that others give the loop are run in between.
        for _ in 0..<8 where SelectorDescriptor.isReady(selector) { return saw() }
        isFirstLook = false
        guard NIODeadline.now().uptimeNanoseconds < until else { return ended(byEvent: false) }
        sched_yield()
        eventLoop.execute(look)
    }

    /// There is something. The loop sees it, too, once its tasks are done.
    private func saw() {
        immediate = isFirstLook ? immediate + 1 : 0
        if immediate >= Self.immediateLimit { rest = Self.probeEvery }
        ended(byEvent: true)
    }

    private func ended(byEvent: Bool) {
        isLooking = false
        func judge(_ outlook: inout Outlook) { outlook.score = min(max(outlook.score + (byEvent ? 1 : -1), 0), Self.full) }
        if awaitsAnswer { judge(&answer) } else { judge(&request) }
    }
}

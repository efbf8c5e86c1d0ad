/// What a source that must not stop silently does next: opened, opened again after every failure, moved when its
/// component gets another instance. Pure: time and chance are passed in, and whoever holds it does what it says.
struct SourceSupervision: Sendable {
    enum Phase: Sendable, Equatable {
        /// Nothing to deliver from: no instance, or the next try is due later.
        case idle
        case opening
        case open
        /// Nothing more is wanted from this instance; what it has delivered is being settled.
        case leaving
        case closing
        case ended
    }

    enum Event: Sendable, Equatable {
        /// There is an instance to be opened on; another one than before, if it was open.
        case target
        /// The instance goes: what is open there has to leave.
        case suspend
        case opened
        case openFailed
        /// It has been open for a while.
        case stable
        /// It ended by itself.
        case failed
        /// Its process has ended. Whoever starts processes again sees to it that this is not too often.
        case lost
        case retryDue
        case settledAll
        case leaveTimeout
        case closed
        /// Nobody wants it any more.
        case end
    }

    enum Action: Sendable, Equatable {
        case open
        /// Nothing of this opening is heard any more.
        case discard
        case retry(after: Duration)
        /// No more messages; says `settledAll` when none is left to be settled, `leaveTimeout` after a while.
        case leave
        case close
        case finished
    }

    private(set) var phase = Phase.idle
    private var hasTarget = false
    private var isUnwanted = false
    /// It was suspended while it was being opened.
    private var leavesOnceOpen = false
    /// Openings that have failed, one after the other, and those that did not last.
    private var failedOpenings = 0, shortOpenings = 0

    static let firstPause = 0.1, longestPause = 30.0

    /// `chance`: 0.8 to 1.2, what a pause is multiplied by.
    mutating func handle(_ event: Event, chance: Double = 1) -> [Action] {
        switch event {
        case .target: hasTarget = true
        case .suspend: hasTarget = false
        case .end: isUnwanted = true
        default: break
        }
        switch (phase, event) {
        case (.idle, .target), (.idle, .retryDue): return begin()
        case (.idle, .end): return finish()
        case (.opening, .suspend), (.opening, .end):
            leavesOnceOpen = true
            return []
        case (.opening, .opened):
            failedOpenings = 0
            guard leavesOnceOpen else {
                phase = .open
                return []
            }
            return leave()
        case (.open, .stable):
            shortOpenings = 0
            return []
        case (.opening, .openFailed): return fallBack(chance)
        case (.open, .failed), (.leaving, .failed): return fallBack(chance)
        case (.open, .lost), (.leaving, .lost): return [.discard] + begin()
        case (.open, .suspend): return leave()
        // The same instance is named again when a replacement did not work out.
        case (.open, .end):
            phase = .closing
            return [.close]
        case (.leaving, .settledAll), (.leaving, .leaveTimeout), (.leaving, .end):
            phase = .closing
            return [.close]
        case (.closing, .closed): return [.discard] + begin()
        default: return []
        }
    }

    private mutating func leave() -> [Action] {
        phase = isUnwanted ? .closing : .leaving
        return isUnwanted ? [.close] : [.leave]
    }

    private mutating func begin() -> [Action] {
        if isUnwanted { return finish() }
        leavesOnceOpen = false
        phase = hasTarget ? .opening : .idle
        return hasTarget ? [.open] : []
    }

    private mutating func finish() -> [Action] {
        phase = .ended
        return [.finished]
    }

    /// The opening has failed, or what was open. The first try after a good time follows at once.
    private mutating func fallBack(_ chance: Double) -> [Action] {
        let wasOpen = phase != .opening
        phase = .idle
        if isUnwanted { return [.discard] + finish() }
        if wasOpen { shortOpenings += 1 } else { failedOpenings += 1 }
        if wasOpen, shortOpenings == 1 { return [.discard] + begin() }
        let pause = min(Self.longestPause, Self.firstPause * Double(1 << min(failedOpenings + shortOpenings - 1, 12))) * chance
        return [.discard, .retry(after: .milliseconds(Int64(pause * 1000)))]
    }
}

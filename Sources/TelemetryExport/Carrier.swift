/// The way to a collector for messages of one kind that are encoded already.
package protocol Carrier: Sendable {
    /// Returns when the message was taken, refused, or the carrier's own timeout is over.
    func send(_ message: [UInt8]) async -> Delivery
    /// Nothing is sent any more; what is under way fails.
    func close() async
}

/// What became of something that was sent.
package enum Delivery: Sendable, Equatable {
    case taken
    /// So many of what was in it were refused, the rest was taken.
    case partly(rejected: UInt64, cause: String)
    /// It may be sent again, after the pause that the place has asked for, or ours.
    case again(cause: String, after: Duration? = nil)
    /// Never.
    case refused(cause: String)
}

/// How often something is sent, and with which pauses.
package struct Retries: Sendable {
    package var attempts = 5
    package var first = Duration.milliseconds(500)
    package var longest = Duration.seconds(30)

    package init() {}

    /// Sends until it is taken, refused, or was tried often enough. When the task is cancelled nothing more is tried.
    func run(_ send: () async -> Delivery) async -> (outcome: Delivery, attempts: Int) {
        var outcome = Delivery.again(cause: "the runtime ends")
        var pause = first
        for attempt in 1...max(attempts, 1) {
            guard !Task.isCancelled else { return (outcome, attempt - 1) }
            outcome = await send()
            guard case .again(_, let asked) = outcome, attempt < attempts else { return (outcome, attempt) }
            // Half of it by chance, so that many runtimes don't come back at once.
            try? await Task.sleep(for: min(asked ?? pause * Double.random(in: 0.5...1), longest))
            pause = min(pause * 2, longest)
        }
        return (outcome, attempts)
    }
}

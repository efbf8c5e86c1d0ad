/// How often an event is delivered again, and when. Time is passed in and out.
package struct DeliveryPolicy: Sendable {
    /// Deliveries after the first; `nil`: until it works.
    package var retries: Int?
    package var first = Duration.milliseconds(100)
    package var longest = Duration.seconds(10)

    package init(retries: Int? = nil) { self.retries = retries }

    /// With a dead-letter topic an event that fails goes there at once, unless a policy says otherwise. Source: Dapr's
    /// dead-letter topics.
    package static func standard(hasDeadLetter: Bool) -> DeliveryPolicy { DeliveryPolicy(retries: hasDeadLetter ? 0 : nil) }

    /// When the event is to be delivered again; `nil`: no more. `attempt`: deliveries that have failed before this one.
    func pause(attempt: Int) -> Duration? {
        if let retries, attempt >= retries { return nil }
        let factor = 1 << min(attempt, 16)
        return min(first * factor, longest)
    }
}

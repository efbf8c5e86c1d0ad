/// A `Resiliency` document: how what goes to and comes from a component is tried again. Of its targets the inbound part of
/// components is read; `unapplied` names what else it has.
package struct ResiliencyResource: Sendable, Equatable {
    package var header: ResourceHeader
    package var timeouts: [String: Duration] = [:]
    package var retries: [String: Retry] = [:]
    /// By component. One that is a target has no default policies, whatever it names.
    package var components: [String: Inbound] = [:]
    /// Parts that have no effect yet, as paths.
    package var unapplied: [String] = []

    /// How often something is tried again, and when.
    package struct Retry: Sendable, Equatable {
        package enum Growth: String, Sendable, CaseIterable {
            /// The same pause, `duration`, each time.
            case constant
            /// From 500 ms, half as much again each time, by chance half as long to one and a half times as long, at most `maxInterval`.
            case exponential
        }

        package var growth = Growth.constant
        package var duration = Duration.seconds(5)
        package var maxInterval = Duration.seconds(60)
        /// After the first try; nil: for ever.
        package var maxRetries: Int?
    }

    /// Names of policies for what a component delivers.
    package struct Inbound: Sendable, Equatable {
        package var timeout: String?
        package var retry: String?
    }
}

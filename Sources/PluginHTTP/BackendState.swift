public import PluginKit

/// Whether a backend answers, as its client knows: says so when that changes, and lets requests fail at once for a while after it
/// did not, longer each time. On the reactor thread.
public final class BackendState {
    private let instance: Instance
    private var isHealthy = false
    /// Until when requests fail at once, and for how long the next time. Nanoseconds.
    private var pausedUntil: Int64 = 0
    private var pause: Int64 = 0
    private var lastError: PluginError?

    private static let shortest: Int64 = 50_000_000, longest: Int64 = 2_000_000_000

    public init(_ instance: Instance) { self.instance = instance }

    /// What a request fails with without being sent; `nil`: it is to be sent.
    public var refusal: PluginError? { Host.now() < pausedUntil ? lastError : nil }

    /// The first request is to be sent, whatever there was before.
    public func started() { pausedUntil = 0 }

    /// Nothing is known any more.
    public func stopped() { isHealthy = false }

    /// It did not answer. The pause is varied, so that many clients don't come back together.
    public func down(_ error: PluginError) {
        pause = min(max(pause * 2, Self.shortest), Self.longest)
        pausedUntil = Host.now() + pause / 2 + Int64(Host.random() % UInt64(pause / 2))
        lastError = error
        if isHealthy { instance.reportHealth(.unhealthy, error.message) }
        isHealthy = false
    }

    /// It has answered.
    public func up() {
        pause = 0
        lastError = nil
        if !isHealthy { instance.reportHealth(.healthy, "connected") }
        isHealthy = true
    }
}

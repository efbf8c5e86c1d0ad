extension ComponentStore {
    /// Whether a component has not yet been ready or failed once.
    package func hasUnsettledComponents() -> Bool {
        components.isEmpty || components.values.contains { $0.state == .starting }
    }

    /// What readiness waits for, now and whenever it changes, until the store stops.
    package func readiness() -> AsyncStream<[(component: String, reason: String)]> {
        let (stream, continuation) = AsyncStream.makeStream(of: [(component: String, reason: String)].self)
        continuation.yield(notReady())
        readinessWatchers.append(continuation)
        return stream
    }

    func readinessChanged() {
        for watcher in readinessWatchers { watcher.yield(notReady()) }
    }
}

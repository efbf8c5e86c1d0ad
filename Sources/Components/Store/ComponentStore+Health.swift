extension ComponentStore {
    /// Asks the component for its health now and then, for as long as it exists.
    func watchHealth(_ name: String) {
        components[name]?.healthWatch?.cancel()
        components[name]?.healthWatch = Task { [interval = options.healthInterval] in
            while !Task.isCancelled {
                guard await self.checkHealth(name) else { return }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Whether there still is such a component.
    private func checkHealth(_ name: String) async -> Bool {
        guard let instance = components[name]?.instance else { return components[name] != nil }
        let counters = instance.counters
        if counters.expired >= CallLoop.expiredLimit {
            instance.health.report(
                .degraded, "\(counters.expired) calls were never completed by the plugin; reload it")
            return true
        }
        // Without a check of its own its calls tell how it is, until it reports otherwise.
        guard instance.hasHealthCheck else {
            instance.health.learn(from: counters)
            return true
        }
        let failure = await instance.checkHealth(timeout: .seconds(1))
        guard !Task.isCancelled else { return false }
        guard let current = components[name]?.instance, current === instance else { return components[name] != nil }
        let before = instance.health.current.state
        if let failure {
            instance.health.report(.unhealthy, failure.message)
            if before != .unhealthy {
                logger.warning(
                    "a component is unhealthy",
                    metadata: ["component": "\(name)", "cause": "\(failure.message)"])
            }
        } else {
            instance.health.report(.healthy, "")
            if before == .unhealthy { logger.info("a component is healthy again", metadata: ["component": "\(name)"]) }
        }
        return true
    }
}

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
        // Without a check of its own it is healthy until it reports otherwise.
        guard instance.hasHealthCheck else {
            if instance.health.current.state == .unknown { instance.health.report(.healthy, "") }
            return true
        }
        let failure = await instance.checkHealth(timeout: .seconds(1))
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

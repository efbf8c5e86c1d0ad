import Components
import Logging

extension Runtime {
    /// Reads the resources, starts what they name, and keeps readiness true to it.
    func startComponents() async {
        let read = ResourceReading.resources(options, configuration, logger: logger)
        state.subscriptions.set(read.policies)
        await startSubscriptions(read.subscriptions)
        for (definition, error) in await store.add(read.components) {
            logger.error("a component was refused", metadata: ["cause": "\(error)"])
            if definition.ignoreErrors == false { events.put(.fatal(error.description)) }
        }
        for await reasons in await store.readiness() {
            state.set(componentsNotReady: reasons.map { "component \($0.component): \($0.reason)" })
            // Components that are removed at the end are no longer waited for, which is no readiness.
            announceReadiness()
        }
    }
}

extension Duration {
    var formattedMilliseconds: String {
        let tenths = Int(self / .microseconds(100))
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}

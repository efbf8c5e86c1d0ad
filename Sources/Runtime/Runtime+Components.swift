import Components
import Logging

extension Runtime {
    /// Reads the resources, starts what they name, and keeps readiness true to it.
    func startComponents() async {
        do { try await store.add(Self.resolverDefinition(options, configuration.nameResolution)) } catch {
            logger.error("other apps can't be found", metadata: ["cause": "\(error)"])
        }
        Task { await advertise() }
        for cause in await resources.begin() { events.put(.fatal(cause)) }
        Task { await resources.follow() }
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

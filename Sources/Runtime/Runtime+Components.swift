import Components
import Logging

extension Runtime {
    /// Reads the resources, starts what they name, and keeps readiness true to it.
    func startComponents() async {
        for cause in await resources.begin() { events.put(.fatal(cause)) }
        // After those of the operator: whoever waits until they are settled must not find the resolver alone.
        do { try await store.add(Self.resolverDefinition(options, configuration.nameResolution)) } catch {
            logger.error("other apps can't be found", metadata: ["cause": "\(error)"])
        }
        // Calls that find a runtime whose app does not listen yet would fail while others could answer.
        if let app { app.whenReached { Task { await self.advertise() } } } else { Task { await advertise() } }
        Task { await resources.follow() }
        for await reasons in await store.readiness() {
            let pipelines = configuration.pipelines.problems(await store.componentFacts(), waited: reasons.map(\.component))
            state.set(componentsNotReady: reasons.map { "component \($0.component): \($0.reason)" } + pipelines.all)
            tell(pipelines.mistaken)
            // Components that are removed at the end are no longer waited for, which is no readiness.
            announceReadiness()
        }
    }
}

extension Runtime {
    /// Says once of each problem of a pipeline that requests fail for it.
    private func tell(_ problems: [String]) {
        let new = toldProblems.withLockedValue { told in
            let new = problems.filter { !told.contains($0) }
            told = problems
            return new
        }
        for problem in new where !state.isDraining {
            logger.error("requests fail, for a middleware can't be asked", metadata: ["cause": "\(problem)"])
        }
    }
}

extension Duration {
    var formattedMilliseconds: String {
        let tenths = Int(self / .microseconds(100))
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}

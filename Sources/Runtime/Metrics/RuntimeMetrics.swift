import BuildingBlocks
import Components
import Governance
import Resources
import Telemetry
import Transport

/// The metrics of a runtime: what the registry has recorded, and what is looked up when somebody reads them.
enum RuntimeMetrics {
    static func read(
        _ registry: MetricsRegistry, components: [ComponentFacts], plugins: [PluginFacts], server: Server.Statistics,
        subscriptions: [SubscriptionDirectory.Summary], policies: [Governor], policySet: PolicySet, ready: Bool, appID: String, resourceProblems: Int,
        resiliency: ResiliencyMetrics?
    ) -> MetricSet {
        var page = MetricSet()
        page.add(registry.read())
        ProcessMetrics.write(&page)
        page.metric("octavo_ready", .gauge, help: "1 when everything that readiness waits for is there.")
        page.sample("octavo_ready", [("app_id", appID)], ready ? 1 : 0)
        page.metric("octavo_resource_problems", .gauge, help: "Things that are wrong with the resource files, or that were refused of them.")
        page.sample("octavo_resource_problems", [], Double(resourceProblems))
        write(server, &page)
        write(components, &page)
        write(plugins, &page)
        if let resiliency {
            writeLikeDapr(components, appID, &page)
            resiliency.write(policies, policySet, components, subscriptions, &page)
        }
        SubscriptionViews.write(subscriptions, components, &page)
        PolicyViews.write(policies, now: monotonicNanoseconds(), &page)
        return page
    }

    /// Source: Dapr's runtime metrics.
    private static func writeLikeDapr(_ components: [ComponentFacts], _ appID: String, _ page: inout MetricSet) {
        page.metric("dapr_runtime_component_loaded", .counter, help: "Components that resource files name.")
        page.sample("dapr_runtime_component_loaded", [("app_id", appID)], Double(components.count))
        let types = Dictionary(grouping: components, by: \.type).sorted { $0.key < $1.key }
        guard !types.isEmpty else { return }
        page.metric("dapr_runtime_component_init_total", .counter, help: "Components that have started.")
        for (type, all) in types {
            page.sample("dapr_runtime_component_init_total", [("app_id", appID), ("component", type)], Double(all.count { $0.isReady }))
        }
        let failed = components.filter { !$0.isReady && $0.state == "failed" }
        guard !failed.isEmpty else { return }
        page.metric("dapr_runtime_component_init_fail_total", .counter, help: "Components that could not start.")
        for one in failed {
            page.sample(
                "dapr_runtime_component_init_fail_total",
                [("app_id", appID), ("component", one.type), ("reason", "init"), ("componentName", one.name)], 1)
        }
    }

    private static func write(_ server: Server.Statistics, _ page: inout MetricSet) {
        page.metric("octavo_connections_open", .gauge, help: "Connections of clients.")
        page.sample("octavo_connections_open", [], Double(server.openConnections))
        page.metric("octavo_connections_total", .counter, help: "Connections that were taken since the start.")
        page.sample("octavo_connections_total", [], Double(server.connections))
        page.metric("octavo_connections_refused_total", .counter, help: "Connections that were refused: too many.")
        page.sample("octavo_connections_refused_total", [], Double(server.refusedConnections))
    }

    private static func write(_ components: [ComponentFacts], _ page: inout MetricSet) {
        func each(_ name: String, _ kind: MetricSet.Kind, _ help: String, _ value: (ComponentFacts) -> Double) {
            guard !components.isEmpty else { return }
            page.metric(name, kind, help: help)
            for one in components { page.sample(name, [("component", one.name), ("type", one.type)], value(one)) }
        }
        each("octavo_component_ready", .gauge, "1 when the component takes calls.") { $0.isReady ? 1 : 0 }
        each("octavo_component_healthy", .gauge, "1 when the component's backend answers.") {
            $0.health.state == .healthy ? 1 : 0
        }
        each("octavo_component_change_refused", .gauge, "1 while the component runs by older settings than its file says.") {
            $0.refusal == nil ? 0 : 1
        }
        each("octavo_component_calls_total", .counter, "Calls to the component.") { Double($0.calls) }
        each("octavo_component_errors_total", .counter, "Calls to the component that failed.") { Double($0.errors) }
        each("octavo_component_stalled", .gauge, "1 while a thread does not come out of the component's plugin.") {
            $0.isStalled ? 1 : 0
        }
        each("octavo_component_stalls_total", .counter, "Threads that have not come out of the component's plugin in time.") {
            Double($0.stalls)
        }
        each("octavo_component_calls_in_flight", .gauge, "Calls under way.") { Double($0.inFlight) }
    }

    private static func write(_ plugins: [PluginFacts], _ page: inout MetricSet) {
        let usable = plugins.filter { $0.state != "rejected" }
        func each(
            _ name: String, _ kind: MetricSet.Kind, _ help: String, _ value: (PluginFacts) -> Double?
        ) {
            let samples = usable.compactMap { one in value(one).map { (one.id, $0) } }
            guard !samples.isEmpty else { return }
            page.metric(name, kind, help: help)
            for (id, value) in samples { page.sample(name, [("plugin", id)], value) }
        }
        each("octavo_plugin_generation", .gauge, "Generation of the plugin that takes calls; 0 = not loaded.") {
            Double($0.generation)
        }
        each("octavo_plugin_late_completions_total", .counter, "Completions that came too late or twice.") {
            $0.generation > 0 ? Double($0.staleCompletions) : nil
        }
        each("octavo_plugin_restarts_total", .counter, "New processes of an isolated plugin after the death of one.") {
            $0.isolation.map { Double($0.restarts) }
        }
        each("octavo_plugin_process_running", .gauge, "1 while the process of an isolated plugin is there.") {
            $0.isolation.map { $0.pid == 0 ? 0 : 1 }
        }
        each("octavo_plugin_process_memory_bytes", .gauge, "Memory of the process of an isolated plugin that is its own.") {
            $0.isolation.map { Double($0.memory) }
        }
        each("octavo_plugin_process_open_descriptors", .gauge, "Descriptors that the process of an isolated plugin has open.") {
            $0.isolation.map { Double($0.descriptors) }
        }
        each("octavo_plugin_crash_looping", .gauge, "1 while an isolated plugin keeps dying and is tried every 30 s.") {
            $0.isolation.map { $0.isLooping ? 1 : 0 }
        }
        page.metric("octavo_plugin_rejected", .gauge, help: "Files in the plugin folders that can't be used.")
        page.sample("octavo_plugin_rejected", [], Double(plugins.count { $0.state == "rejected" }))
    }
}

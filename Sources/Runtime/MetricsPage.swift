import Components
import TextSearch

/// The metrics page, in the Prometheus text format 0.0.4.
enum MetricsPage {
    static func render(
        components: [ComponentFacts], plugins: [PluginFacts], ready: Bool, appID: String
    ) -> [UInt8] {
        var page = Page()
        let usage = ProcessUsage.now
        page.metric("process_resident_memory_bytes", "gauge", "Resident memory in bytes.")
        page.sample([], Double(usage.residentBytes))
        page.metric("process_open_fds", "gauge", "Open descriptors.")
        page.sample([], Double(usage.descriptors))
        page.metric("process_cpu_seconds_total", "counter", "CPU time of user and system in seconds.")
        page.sample([], usage.processorSeconds)
        page.metric("octavo_ready", "gauge", "1 when everything that readiness waits for is there.")
        page.sample([("app_id", appID)], ready ? 1 : 0)
        page.metric("octavo_component_ready", "gauge", "1 when the component takes calls.")
        for one in components { page.sample(labels(one), one.isReady ? 1 : 0) }
        page.metric("octavo_component_healthy", "gauge", "1 when the component's backend answers.")
        for one in components { page.sample(labels(one), one.health.state == .healthy ? 1 : 0) }
        page.metric("octavo_component_calls_total", "counter", "Calls to the component.")
        for one in components { page.sample(labels(one), Double(one.calls)) }
        page.metric("octavo_component_errors_total", "counter", "Calls to the component that failed.")
        for one in components { page.sample(labels(one), Double(one.errors)) }
        page.metric("octavo_component_calls_in_flight", "gauge", "Calls under way.")
        for one in components { page.sample(labels(one), Double(one.inFlight)) }
        page.metric("octavo_plugin_generation", "gauge", "Generation of the plugin that takes calls; 0 = not loaded.")
        for one in plugins where one.state != "rejected" {
            page.sample([("plugin", one.id), ("version", one.version)], Double(one.generation))
        }
        page.metric("octavo_plugin_rejected", "gauge", "Files in the plugin folders that can't be used.")
        page.sample([], Double(plugins.count { $0.state == "rejected" }))
        return page.bytes
    }

    private static func labels(_ facts: ComponentFacts) -> [(String, String)] {
        [("component", facts.name), ("type", facts.type)]
    }

    private struct Page {
        var bytes: [UInt8] = []
        private var name = ""

        mutating func metric(_ name: String, _ type: String, _ help: String) {
            self.name = name
            bytes += Array("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8)
        }

        mutating func sample(_ labels: [(String, String)], _ value: Double) {
            let text = labels.map { "\($0.0)=\"\(Page.escaped($0.1))\"" }.joined(separator: ",")
            let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
            bytes += Array("\(name)\(text.isEmpty ? "" : "{\(text)}") \(number)\n".utf8)
        }

        private static func escaped(_ text: String) -> String {
            text.replacing(text: "\\", with: "\\\\").replacing(text: "\"", with: "\\\"").replacing(text: "\n", with: "\\n")
        }
    }
}

/// `GET /v1/plugins`.
package struct PluginList: Sendable, Equatable, Codable {
    package var plugins: [PluginSummary]
    package init(plugins: [PluginSummary]) { self.plugins = plugins }
}

/// `GET /v1/components`.
package struct ComponentList: Sendable, Equatable, Codable {
    package var components: [ComponentSummary]
    package init(components: [ComponentSummary]) { self.components = components }
}

/// `GET /v1/doctor`.
package struct DoctorReport: Sendable, Equatable, Codable {
    package var findings: [DoctorFinding]
    package init(findings: [DoctorFinding]) { self.findings = findings }
}

/// Body of `POST /v1/plugins/load` and `POST /v1/plugins/{name}/reload`.
struct PluginFile: Sendable, Equatable, Codable {
    /// Path on the runtime's machine; for a reload nil is the plugin's own file.
    var file: String?
}

/// Body of `POST /v1/plugins/{name}/unload`.
struct PluginUnload: Sendable, Equatable, Codable {
    var force: Bool?
}

/// Body of `POST /v1/plugins/NAME/isolate`: `process`, `none` or `default`.
struct PluginPlace: Sendable, Equatable, Codable {
    var mode: String?
}

/// What a load, reload or unload of a plugin did.
package struct PluginChange: Sendable, Equatable, Codable {
    /// The plugin as it is now; nil after an unload that left nothing.
    package var plugin: PluginSummary?
    package var name: String
    /// Generation before; nil after a load.
    package var fromGeneration: Int?
    /// Version before; nil after a load.
    package var fromVersion: String?
    /// Components that moved over, started or stopped.
    package var components: [String]
    /// Calls that were open when the drain began, and those it had to end.
    package var drainedCalls: Int
    package var abandonedCalls: Int
    /// How long the change took.
    package var durationNanoseconds: Int64
    /// What the operator should know, one sentence each.
    package var notes: [String]

    package init(
        plugin: PluginSummary?, name: String, fromGeneration: Int? = nil, fromVersion: String? = nil,
        components: [String] = [], drainedCalls: Int = 0, abandonedCalls: Int = 0, durationNanoseconds: Int64 = 0,
        notes: [String] = []
    ) {
        self.plugin = plugin
        self.name = name
        self.fromGeneration = fromGeneration
        self.fromVersion = fromVersion
        self.components = components
        self.drainedCalls = drainedCalls
        self.abandonedCalls = abandonedCalls
        self.durationNanoseconds = durationNanoseconds
        self.notes = notes
    }
}

/// Which plugins run in a helper process, and what serves them there.
package struct IsolationOptions: Sendable {
    /// The path of `octavo-plugin-host`; `nil` when it was not found.
    package var host: String?
    /// Ids of plugins, as the operator named them.
    package var plugins: Set<String> = []
    /// Deaths within a minute after which a plugin is only tried every 30 s; 0 is never.
    package var crashLoopLimit = 5
    /// Told of every death that nobody asked for. From any thread.
    package var onCrash: (@Sendable (CrashFacts) -> Void)?
    /// All of them.
    package var everything = false

    package init() {}

    /// Whether the operator wants a plugin of that id isolated.
    func wants(_ id: String) -> Bool { everything || plugins.contains(id) }
}

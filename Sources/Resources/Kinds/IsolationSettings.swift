/// Where plugins run (`spec.isolation` of a `Configuration`; Octavo's own, Dapr ignores it).
package struct IsolationSettings: Sendable, Equatable {
    /// `none` or `process`, for plugins that are not named; nil when nothing is said.
    package var standard: String?
    /// … that did not come with the runtime.
    package var thirdParty: String?
    /// `isolate` or `off`: what a crash of the runtime itself means for the plugin that caused it.
    package var onCrash: String?
    package var crashLoopLimit: Int?
    /// `off`, `auto`, or the folder in which helper processes get control groups; nil when nothing is said.
    package var cgroup: String?
    package var plugins: [Plugin] = []
    package var groups: [Group] = []

    /// One plugin's entry.
    package struct Plugin: Sendable, Equatable {
        package var name: String
        /// `none` or `process`.
        package var mode: String?
        /// `plugin` or `component`: what has a process of its own.
        package var scope: String?
        /// Plugins of one group share a process.
        package var group: String?
        package var process = Process()

        package init(name: String) { self.name = name }
    }

    /// What the plugins of a group share.
    package struct Group: Sendable, Equatable {
        package var name: String
        package var process = Process()

        package init(name: String) { self.name = name }
    }

    /// What a helper process is like.
    package struct Process: Sendable, Equatable {
        package var spares: Int?
        /// Bytes.
        package var memory: Int?
        package var cpuSeconds: Int?
        /// Thousandths of a processor.
        package var milliCPUs: Int?
        package var descriptors: Int?
        package var processes: Int?
        /// `none`, `standard` or `strict`.
        package var seccomp: String?
        /// `none` or `host`.
        package var network: String?
        package var environment: [String] = []
        /// `end` or `ignore`.
        package var hangs: String?

        package init() {}
    }

    package init() {}
}

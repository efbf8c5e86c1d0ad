/// One plugin in the list: `GET /v1/plugins`.
package struct PluginSummary: Sendable, Equatable, Codable {
    /// Where a plugin is in its life. A later runtime may know more words.
    package struct State: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// Found in a folder; nothing was loaded.
        package static let discovered = State(rawValue: "discovered")
        /// Not usable; the reason names the field and the value.
        package static let rejected = State(rawValue: "rejected")
        package static let starting = State(rawValue: "starting")
        package static let ready = State(rawValue: "ready")
        /// Answers, with something wrong; the reason says what.
        package static let degraded = State(rawValue: "degraded")
        package static let stalled = State(rawValue: "stalled")
        package static let draining = State(rawValue: "draining")
        package static let restarting = State(rawValue: "restarting")
        package static let crashLooping = State(rawValue: "crash-looping")
        /// Loaded, but did not start.
        package static let failed = State(rawValue: "failed")
        package static let stopped = State(rawValue: "stopped")
    }

    /// Where the plugin's code runs. A later runtime may know more words.
    package struct Mode: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        package static let inProcess = Mode(rawValue: "in process")
        /// In a helper process of its own.
        package static let isolated = Mode(rawValue: "isolated")
    }

    /// Whether an old generation's code can be unmapped. A later runtime may know more words.
    package struct UnloadClass: RawRepresentable, Sendable, Hashable, Codable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// Unmapped as soon as nothing of it is in use.
        package static let clean = UnloadClass(rawValue: "clean")
        /// Stays mapped until the runtime ends.
        package static let pinned = UnloadClass(rawValue: "pinned")
        /// Refused in process.
        package static let isolatedOnly = UnloadClass(rawValue: "isolated only")
    }

    package var name: String
    /// nil when the file tells none.
    package var version: String?
    /// Component types, such as `state.redis`.
    package var types: [String]
    /// The file it was found in.
    package var path: String
    package var state: State
    /// Why it is in this state, one sentence; nil when there is nothing to say.
    package var reason: String?
    /// 1 for the first load; 0 when it was never loaded.
    package var generation: Int
    /// nil when it was never loaded.
    package var mode: Mode?
    package var unloadClass: UnloadClass?
    /// Of the helper process; 0 while it is being started again, nil in process.
    package var processID: Int?
    /// How often the helper process was started again; nil in process.
    package var restarts: Int?
    /// Who wanted it isolated; nil in process.
    package var isolationReason: String?
    /// Of the helper process alone; 0 while it is being started again, nil in process.
    package var memoryBytes: Int64?
    package var openDescriptors: Int?
    /// Of the helper process, and what keeps each: "descriptors 1024 (watched, RLIMIT_NOFILE)"; nil in process.
    package var limits: [String]?
    /// Processes that wait to take over; nil in process.
    package var spares: Int?
    /// The group whose plugins share the helper process; nil when it is the plugin's own.
    package var group: String?
    /// Where each component has a helper process of its own: those; nil otherwise.
    package var helpers: [Helper]?
    /// Components that are instances of its types.
    package var componentCount: Int
    package var statistics: CallStatistics
    /// Earlier generations that are still there, oldest first.
    package var oldGenerations: [OldGeneration]

    package init(
        name: String, version: String? = nil, types: [String] = [], path: String, state: State,
        reason: String? = nil, generation: Int = 0, mode: Mode? = nil, unloadClass: UnloadClass? = nil,
        processID: Int? = nil, restarts: Int? = nil, componentCount: Int = 0, statistics: CallStatistics = CallStatistics(), oldGenerations: [OldGeneration] = []
    ) {
        self.name = name
        self.version = version
        self.types = types
        self.path = path
        self.state = state
        self.reason = reason
        self.generation = generation
        self.mode = mode
        self.unloadClass = unloadClass
        self.processID = processID
        self.restarts = restarts
        self.componentCount = componentCount
        self.statistics = statistics
        self.oldGenerations = oldGenerations
    }
}

extension PluginSummary {
    /// The process of one component.
    package struct Helper: Sendable, Equatable, Codable {
        package var component: String
        /// 0 while it is being started again.
        package var processID: Int
        package var memoryBytes: Int64

        package init(component: String, processID: Int, memoryBytes: Int64) {
            self.component = component
            self.processID = processID
            self.memoryBytes = memoryBytes
        }
    }
}

/// A generation that a reload replaced and that is still in memory.
package struct OldGeneration: Sendable, Equatable, Codable {
    package var generation: Int
    package var version: String?
    /// `draining`, or `mapped` when it ended and its code stays.
    package var state: String
    /// What keeps it: `3 open calls`, `pinned: needs libswiftCore.so`.
    package var reason: String?
    package var openCalls: Int

    package init(generation: Int, version: String? = nil, state: String, reason: String? = nil, openCalls: Int = 0) {
        self.generation = generation
        self.version = version
        self.state = state
        self.reason = reason
        self.openCalls = openCalls
    }
}

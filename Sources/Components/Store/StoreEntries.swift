import NIOCore
import Telemetry

/// A plugin that the store knows of.
struct PluginEntry {
    var inspection: PluginInspection
    var current: LoadedPlugin?
    var loading: Task<Result<LoadedPlugin, PluginError>, Never>?
    var failure: PluginError?
    var nextGeneration = 1
    var isReloading = false
    /// Starts that wait for the end of the reload.
    var reloadWaiters: [CheckedContinuation<Void, Never>] = []
    /// Components that are being given other settings; a reload waits for them.
    var replacements = 0
    var replacementWaiters: [CheckedContinuation<Void, Never>] = []
    /// Generations whose code stays mapped, and why.
    var retired: [(generation: Int, reason: String)] = []

    init(inspection: PluginInspection) { self.inspection = inspection }

    func offers(_ type: String) -> Bool {
        if let current { return current.type(named: type) != nil }
        return inspection.note?.types.contains(type) == true
    }
}

/// A component that the store starts and watches.
struct ComponentEntry {
    enum State: String, Sendable {
        /// Lazy, and nobody has asked for it.
        case waiting
        case starting
        /// The last start failed; it is tried again.
        case retrying
        case ready
        /// Trying again can't help: the configuration must change.
        case failed
    }

    /// What it runs by, as written.
    var definition: ComponentDefinition
    /// Tells it from a later component of the same name, or one that was given other settings before it was ready.
    var serial: Int
    var kind: Int32 = 0
    var state = State.starting
    var reason = ""
    /// Why its latest settings were refused; those before hold.
    var refusal: String?
    /// Of the secrets that the last try to start was made with.
    var secretPrint: Int?
    /// Why it has not the newest secrets.
    var secretTrouble: String?
    /// Its secrets are being read again.
    var isRenewing = false
    /// They have changed since they were read.
    var isToRenew = false
    /// Readiness does not wait for it.
    var isLate: Bool
    var lastError = ""
    var since = wallSeconds()
    var instance: ComponentInstance?
    /// An instance of an earlier try that could not be ended yet.
    var previous: ComponentInstance?
    var starter: Task<Void, Never>?
    var healthWatch: Task<Void, Never>?
    /// Latencies, across generations.
    var meter: ComponentMeter?
    /// Instances that take no new calls and have not ended; they still count.
    var ending: [ComponentInstance] = []
    /// What instances that have ended had counted.
    var past = InstanceCounters()

    init(definition: ComponentDefinition, serial: Int) {
        self.definition = definition
        self.serial = serial
        isLate = definition.isLate
    }
}

extension ComponentEntry {
    /// Calls of all its instances, those that have ended among them.
    var counters: InstanceCounters {
        var sum = instance?.counters ?? InstanceCounters()
        for one in ending {
            let counted = one.counters
            sum.calls &+= counted.calls
            sum.errors &+= counted.errors
            sum.inFlight &+= counted.inFlight
        }
        sum.calls &+= past.calls
        sum.errors &+= past.errors
        return sum
    }

    /// The instance takes no new calls.
    mutating func letGo() {
        if let instance { ending.append(instance) }
        instance = nil
    }

    /// An instance that was let go is about to be freed.
    mutating func ended(_ one: ComponentInstance) {
        guard let index = ending.firstIndex(where: { $0 === one }) else { return }
        let counted = one.counters
        past.calls &+= counted.calls
        past.errors &+= counted.errors
        ending.remove(at: index)
    }

    /// How long its calls took; `nil` before the first measured one.
    var latency: HistogramSnapshot? { meter?.snapshot }

    /// A thread of it that does not come back.
    var stall: StallWatch.Stall? { instance.flatMap { StallWatch.shared.stall(of: $0.recorded) } }

    /// It runs, and does not do its work well.
    var isDegraded: Bool {
        guard state == .ready, let health = instance?.health.current.state else { return false }
        return health == .degraded || health == .unhealthy
    }
}

/// Why a component did not start.
struct StartFailure: Error, Sendable {
    let message: String
    /// Trying again with the same configuration can't help.
    let isPermanent: Bool
    /// What was made and must be ended by whoever catches this.
    var instance: ComponentInstance?

    static func permanent(_ message: String) -> StartFailure { StartFailure(message: message, isPermanent: true) }
}

/// Pauses between tries: half a second, growing by half, at most 30 s, each varied by a fifth so that
/// components don't try in step.
struct Backoff {
    private var seconds = 0.5

    mutating func next() -> Duration {
        let pause = seconds * Double.random(in: 0.8...1.2)
        seconds = min(30, seconds * 1.5)
        return .milliseconds(Int64(pause * 1000))
    }
}

/// Why the store could not do what it was asked.
package enum StoreError: Error, Sendable, CustomStringConvertible {
    case duplicateComponent(name: String, source: String)
    case noSuchComponent(name: String, known: [String])
    case plugin(PluginError)
    case pluginInUse(id: String, components: [String])
    case busy(id: String)
    case otherPlugin(path: String, id: String, expected: String)
    case replacementFailed(component: String, version: String, cause: String)
    /// A component's new settings. `isPermanent`: trying again with the same can't help.
    case changeRefused(component: String, cause: String, isPermanent: Bool)

    package var description: String {
        switch self {
        case .duplicateComponent(let name, let source):
            "there is a component \(name) already\(source.isEmpty ? "" : " (second one: \(source))"); rename one"
        case .noSuchComponent(let name, let known):
            "there is no component \(name)\(nearest(name, in: known).map { "; did you mean \($0)?" } ?? ""); "
                + "see `octavo component list`"
        case .plugin(let error): error.description
        case .pluginInUse(let id, let components):
            "plugin \(id) is used by \(components.joined(separator: ", ")); remove those components first, or use "
                + "`octavo plugin reload \(id)`"
        case .busy(let id): "plugin \(id) is being reloaded already; wait for that to end"
        case .otherPlugin(let path, let id, let expected):
            "\(path) is the plugin \(id), not \(expected); load it with `octavo plugin load`"
        case .replacementFailed(let component, let version, let cause):
            "the new build (version \(version)) can't replace the old one: component \(component): \(cause); "
                + "the old build goes on"
        case .changeRefused(let component, let cause, _):
            "component \(component) can't be given its new settings: \(cause); those before go on"
        }
    }
}

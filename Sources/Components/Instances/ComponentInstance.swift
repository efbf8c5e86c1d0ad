import COctavo
import COctavoHost
import Logging
import NIOConcurrencyHelpers

/// One instance of a component: what a plugin made of a component's configuration, with the threads
/// that it runs on.
///
/// Sendable: `raw` and `recorded` are made once and freed by `destroy`, after every loop has let go of it; its counters
/// have one writer a loop and are read as numbers that may be a moment old; `health` and `lane` are
/// behind locks; `featureSet` and `secrets` are set once, before the first call.
final class ComponentInstance: @unchecked Sendable {
    let component: String
    let type: PluginType
    let plugin: LoadedPlugin
    /// Where it is; `nil`: in this process.
    private let process: PluginProcess?
    private(set) var raw: OpaquePointer
    /// What the flight recorder calls it; 0 when it is in another process.
    private(set) var recorded: UInt32 = 0
    let lane = ControlLane()
    let health = InstanceHealth()
    let logger: Logger
    let meter: ComponentMeter?
    /// Lines of the plugin's that may be logged.
    let logLimit = LogLimit()
    /// What it can do; set once by the store before the first call.
    var featureSet = octavo_features()
    /// What the runtime does for it needs these; set once, with `featureSet`.
    var secrets: RuntimeSecrets?
    /// Of the secrets that it was made with; set once, with `featureSet`.
    var secretPrint = 0
    private let gone = NIOLockedValueBox(false)
    private let isClaimed = NIOLockedValueBox(false)

    /// Requests that may wait for a reactor or for workers.
    static let queueLimit: UInt32 = 16_384
    /// Functions that do no I/O, and destroy, which waits for the instance's threads.
    private static let patience = Duration.seconds(10)

    /// Which component an instance of the C side belongs to; for errors and logs.
    struct Facts {
        let component: String
        let type: String
    }

    static func facts(of raw: OpaquePointer?) -> Facts? {
        guard let raw, let context = octavo_instance_context(raw) else { return nil }
        let instance = Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue()
        return Facts(component: instance.component, type: instance.type.name)
    }

    /// Counts a call that has ended. On event loop `loop`; the instance exists.
    @inline(__always)
    static func ended(op: UInt32, failed: Bool, loop: Int, of raw: OpaquePointer) {
        guard let context = octavo_instance_context(raw) else { return }
        Unmanaged<ComponentInstance>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.meter?.ended(op: op, failed: failed, loop: loop) }
    }

    /// What the component is measured by. On any thread; the instance exists.
    static func meter(of raw: OpaquePointer) -> ComponentMeter? {
        guard let context = octavo_instance_context(raw) else { return nil }
        return Unmanaged<ComponentInstance>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.meter }
    }

    /// A call was told that the backend is away. On the event loop of the call.
    static func note(outage: String, of raw: OpaquePointer) {
        guard let context = octavo_instance_context(raw) else { return }
        Unmanaged<ComponentInstance>.fromOpaque(context).takeUnretainedValue().health.note(error: outage)
    }

    /// Makes the instance: `create` of the plugin, and its threads. Nothing is left behind on failure,
    /// unless `create` does not return: then the instance is kept until it does.
    static func make(
        component: String, type: PluginType, plugin: LoadedPlugin, configuration: InstanceConfiguration, logger: Logger,
        meter: ComponentMeter? = nil
    ) async throws(CallError) -> ComponentInstance {
        HostEvents.install()
        plugin.beginUse()
        let process: PluginProcess?
        do throws(PluginError) {
            process = try await plugin.process(for: component)
        } catch {
            plugin.endUse(of: nil)
            throw CallError(code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: error.description)
        }
        // The types of each process are its own.
        let type = process?.types.first { $0.name == type.name } ?? type
        guard
            let instance = ComponentInstance(
                component: component, type: type, plugin: plugin, process: process, logger: logger, meter: meter)
        else {
            plugin.endUse(of: process)
            throw CallError(code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "no memory or threads for an instance")
        }
        if let failure = await instance.create(configuration) { throw failure }
        return instance
    }

    private init?(
        component: String, type: PluginType, plugin: LoadedPlugin, process: PluginProcess?, logger: Logger, meter: ComponentMeter?
    ) {
        self.process = process
        self.meter = meter
        self.component = component
        self.type = type
        self.plugin = plugin
        self.logger = logger
        // The context is the object itself, which exists only after the last property.
        raw = OpaquePointer(bitPattern: 1).unsafelyUnwrapped
        guard
            let made = octavo_instance_new(
                type.raw, "oct-\(component)", Unmanaged.passUnretained(self).toOpaque(), ComponentInstance.queueLimit,
                plugin.stale)
        else { return nil }
        raw = made
        // Of an isolated one only the runtime's own code runs here.
        guard process == nil else { return }
        recorded = octavo_recorder_add_instance(plugin.recorded, type.kind, component)
        octavo_instance_set_number(raw, recorded)
    }

    private func create(_ configuration: InstanceConfiguration) async -> CallError? {
        let failed = octavo_instance_run(raw)
        if failed != 0 {
            free()
            return CallError(
                code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "can't start its threads: \(systemError(failed))")
        }
        let answered = await lane.run("create", within: ComponentInstance.patience) { [self] () -> CallError? in
            createHere(configuration)
        }
        switch answered {
        case .some(.none): return nil
        case .some(.some(let failure)):
            free()
            return failure
        case .none:
            // It may still return. Then the instance that nobody wants any more is ended.
            lane.submit("destroy") { [self] in
                if octavo_instance_self(raw) == nil { free() } else { end() }
            }
            return CallError(
                code: OCTAVO_CODE_DEADLINE_EXCEEDED, reason: "TIMEOUT",
                message: "create has not returned within \(ComponentInstance.patience); it must not do any I/O")
        }
    }

    private func createHere(_ configuration: InstanceConfiguration) -> CallError? {
        let create = type.raw.pointee.life.pointee.create
        var failure: CallError?
        configuration.withConfig { config in
            control {
                failure = ControlCalls.synchronous { call in
                    var made: UnsafeMutableRawPointer?
                    let answer = create(config, raw, call, &made)
                    guard answer == OCTAVO_OK, made != nil else { return answer == OCTAVO_OK ? OCTAVO_FAILED : answer }
                    octavo_instance_set_self(raw, made)
                    return OCTAVO_OK
                }
            }
        }
        return failure
    }

    /// Runs `body` on the control thread and waits for it. Blocks; in the instance's lane only.
    func control(_ body: () -> Void) {
        withoutActuallyEscaping(body) { body in
            var box = body
            withUnsafeMutablePointer(to: &box) { pointer in
                octavo_instance_control(
                    raw,
                    { argument in argument.unsafelyUnwrapped.assumingMemoryBound(to: (() -> Void).self).pointee() },
                    UnsafeMutableRawPointer(pointer))
            }
        }
    }

    /// The plugin's own address of the instance.
    var selfAddress: UnsafeMutableRawPointer { octavo_instance_self(raw).unsafelyUnwrapped }

    /// How a loop calls it.
    func target(on loop: CallLoop) -> ComponentRef.Target {
        ComponentRef.Target(
            raw: raw, ops: type.raw.pointee.ops,
            kind: octavo_kind_at(type.kind).unsafelyUnwrapped, features: featureSet.bits,
            maxTransactionOps: featureSet.max_transaction_ops,
            counters: octavo_instance_counters_of(raw, loop.table))
    }

    private func life(
        _ operation: String, _ timeout: Duration,
        _ function: (@convention(c) (UnsafeMutableRawPointer, octavo_call, UnsafePointer<octavo_life_request>) -> Void)?
    ) async -> CallError? {
        guard let function else { return nil }
        var failure = await ControlCalls.asynchronous(operation, timeout: timeout, instance: self) { [self] call, request in
            function(selfAddress, call, request)
        }
        failure?.component = component
        failure?.type = type.name
        failure?.operation = operation
        return failure
    }

    func start(timeout: Duration) async -> CallError? {
        await life("start", timeout, type.raw.pointee.life.pointee.start)
    }

    /// The instance's own check; no error when it has none.
    func checkHealth(timeout: Duration) async -> CallError? {
        await life("health", timeout, type.raw.pointee.life.pointee.health)
    }

    var hasHealthCheck: Bool { type.raw.pointee.life.pointee.health != nil }

    func drain(timeout: Duration) async -> CallError? {
        await life("drain", timeout, type.raw.pointee.life.pointee.drain)
    }

    func stop(timeout: Duration) async -> CallError? {
        await life("stop", timeout, type.raw.pointee.life.pointee.stop)
    }

    /// What it can do; asked after `start`. `nil` when it does not say within ten seconds.
    func features() async -> octavo_features? {
        var features = octavo_features()
        features.size = UInt32(MemoryLayout<octavo_features>.size)
        features.bits = type.features
        guard let ask = type.raw.pointee.life.pointee.features else { return features }
        let initial = features
        return await lane.run("features", within: ComponentInstance.patience) { [self] in
            var features = initial
            control { ask(selfAddress, &features) }
            return features
        }
    }

    /// What the calls of all loops add up to.
    var counters: InstanceCounters {
        gone.withLockedValue { isGone in
            var sum = InstanceCounters()
            guard !isGone else { return sum }
            for table in 0..<UInt32(OCTAVO_CALLS_MAX_TABLES) {
                sum.add(octavo_instance_counters_of(raw, table).pointee)
            }
            return sum
        }
    }

    // MARK: The end

    /// Whether the caller is the one to end it: `true` once.
    func claimEnd() -> Bool { isClaimed.withLockedValue { isClaimed in defer { isClaimed = true }; return !isClaimed } }

    /// Whether the plugin's side is destroyed and ours freed.
    var isGone: Bool { gone.withLockedValue { $0 } }

    /// Destroys the plugin's side, ends its threads, frees ours. No loop may give it calls any more, and each
    /// has run something else since it could: then no inline operation is on its stack.
    /// Returns what keeps its code from being unmapped, `nil` when nothing is left.
    func destroy() async -> String? {
        if counters.inFlight > 0 {
            // Whoever completes these calls may still read the instance: it ends when they have.
            Task { [self] in
                while counters.inFlight > 0 { try? await Task.sleep(for: .seconds(1)) }
                lane.submit("destroy") { [self] in end() }
            }
            return "\(counters.inFlight) calls of component \(component) were never completed"
        }
        let left = await lane.run("destroy", within: ComponentInstance.patience) { [self] in end() }
        switch left {
        case .some(let left): return left
        case .none:
            let running = lane.running
            return "\(running?.operation ?? "destroy") of component \(component) has not returned"
        }
    }

    /// In the lane.
    @discardableResult
    private func end() -> String? {
        octavo_instance_end(raw)
        let left = octavo_instance_leftovers_of(raw)
        ControlCalls.forget(raw)
        var remains: [String] = []
        if left.threads > 0 { remains.append("\(left.threads) threads") }
        if left.timers > 0 { remains.append("\(left.timers) timers") }
        if left.watches > 0 { remains.append("\(left.watches) watches") }
        if left.posts > 0 { remains.append("\(left.posts) posts") }
        if left.memory > 0 {
            logger.warning(
                "a plugin has not freed all memory of a component",
                metadata: ["component": "\(component)", "type": "\(type.name)", "bytes": "\(left.memory)"])
        }
        guard remains.isEmpty else {
            // A thread that is still there uses our memory when it ends or logs: that is kept.
            _ = Unmanaged.passRetained(self)
            return "component \(component) left \(remains.joined(separator: ", ")) behind"
        }
        free()
        return nil
    }

    private func free() {
        guard gone.withLockedValue({ isGone in defer { isGone = true }; return !isGone }) else { return }
        octavo_instance_free(raw)
        octavo_recorder_remove_instance(recorded)
        plugin.endUse(of: process)
    }
}

/// What the calls of an instance add up to.
struct InstanceCounters: Sendable {
    var calls: UInt64 = 0
    var errors: UInt64 = 0
    /// Given to the plugin and not completed, the expired ones among them.
    var inFlight: UInt64 = 0
    /// Answered by the runtime, not completed by the plugin.
    var expired: UInt64 = 0
    /// Errors that said that the backend is away.
    var outages: UInt64 = 0

    mutating func add(_ one: octavo_instance_counters) {
        calls &+= one.calls
        errors &+= one.errors
        inFlight &+= one.in_flight
        expired &+= one.expired
        outages &+= one.outages
    }
}

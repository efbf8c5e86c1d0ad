import COctavo
import COctavoHost
import Logging

/// One instance of a component: what a plugin made of a component's configuration, with the threads
/// that it runs on.
///
/// Sendable: `raw` is made once and freed by `destroy`, after every loop has let go of it; its counters
/// have one writer a loop and are read as numbers that may be a moment old; `health` is behind a lock.
final class ComponentInstance: @unchecked Sendable {
    let component: String
    let type: PluginType
    let plugin: LoadedPlugin
    private(set) var raw: OpaquePointer
    let health: InstanceHealth
    let logger: Logger
    /// What it can do; set once by the store before the first call.
    var featureSet = octavo_features()

    /// Requests that may wait for a reactor or for workers.
    static let queueLimit: UInt32 = 16_384

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

    /// Makes the instance: `create` of the plugin, and its threads. Nothing is left behind on failure.
    static func make(
        component: String, type: PluginType, plugin: LoadedPlugin, configuration: InstanceConfiguration, logger: Logger
    ) async throws(CallError) -> ComponentInstance {
        HostEvents.install()
        guard let instance = ComponentInstance(component: component, type: type, plugin: plugin, logger: logger) else {
            throw CallError(code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "no memory or threads for an instance")
        }
        if let failure = await instance.create(configuration) {
            instance.free()
            throw failure
        }
        return instance
    }

    private init?(component: String, type: PluginType, plugin: LoadedPlugin, logger: Logger) {
        self.component = component
        self.type = type
        self.plugin = plugin
        self.logger = logger
        health = InstanceHealth()
        // The context is filled in with the object itself, which exists only after the last property.
        raw = OpaquePointer(bitPattern: 1).unsafelyUnwrapped
        guard
            let made = octavo_instance_new(
                type.raw, "oct-\(component)", Unmanaged.passUnretained(self).toOpaque(), ComponentInstance.queueLimit)
        else { return nil }
        raw = made
    }

    private func create(_ configuration: InstanceConfiguration) async -> CallError? {
        let life = type.raw.pointee.life.pointee
        let failed = octavo_instance_run(raw)
        if failed != 0 {
            return CallError(
                code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "can't start its threads: \(systemError(failed))")
        }
        return await ControlThread.run { [self] in
            var failure: CallError?
            withoutActuallyEscaping({ (call: octavo_call) -> Int32 in
                configuration.withConfig { config in
                    var made: UnsafeMutableRawPointer?
                    let answer = life.create(config, self.raw, call, &made)
                    if answer == OCTAVO_OK {
                        guard made != nil else { return OCTAVO_FAILED }
                        octavo_instance_set_self(self.raw, made)
                    }
                    return answer
                }
            }) { body in
                control { failure = ControlCalls.synchronousHere(body) }
            }
            return failure
        }
    }

    /// Runs `body` on the control thread and waits for it. Blocks; from a control thread only.
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

    private var selfPointer: UnsafeMutableRawPointer { octavo_instance_self(raw).unsafelyUnwrapped }

    /// The plugin's own address of the instance, for functions of its extensions.
    var selfAddress: UnsafeMutableRawPointer { selfPointer }

    /// How a loop calls it.
    func target(on loop: CallLoop) -> ComponentRef.Target {
        ComponentRef.Target(
            instance: self, raw: raw, ops: type.raw.pointee.ops,
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
            function(selfPointer, call, request)
        }
        failure?.component = component
        failure?.type = type.name
        failure?.operation = operation
        return failure
    }

    func start(timeout: Duration) async -> CallError? {
        await life("start", timeout, type.raw.pointee.life.pointee.start)
    }

    /// The instance's own check, or what it last reported.
    func checkHealth(timeout: Duration) async -> CallError? {
        guard let check = type.raw.pointee.life.pointee.health else { return nil }
        return await life("health", timeout, check)
    }

    var hasHealthCheck: Bool { type.raw.pointee.life.pointee.health != nil }

    func drain(timeout: Duration) async -> CallError? {
        await life("drain", timeout, type.raw.pointee.life.pointee.drain)
    }

    func stop(timeout: Duration) async -> CallError? {
        await life("stop", timeout, type.raw.pointee.life.pointee.stop)
    }

    /// What it can do; asked after `start`.
    func features() async -> octavo_features {
        var features = octavo_features()
        features.size = UInt32(MemoryLayout<octavo_features>.size)
        features.bits = type.features
        guard let ask = type.raw.pointee.life.pointee.features else { return features }
        let initial = features
        return await ControlThread.run { [self] in
            var features = initial
            control { ask(selfPointer, &features) }
            return features
        }
    }

    /// What the calls of all loops add up to.
    var counters: (calls: UInt64, errors: UInt64, inFlight: UInt64) {
        var sum: (calls: UInt64, errors: UInt64, inFlight: UInt64) = (0, 0, 0)
        for table in 0..<UInt32(OCTAVO_CALLS_MAX_TABLES) {
            let one = octavo_instance_counters_of(raw, table).pointee
            sum.calls &+= one.calls
            sum.errors &+= one.errors
            sum.inFlight &+= one.in_flight
        }
        return sum
    }

    var leftovers: octavo_instance_leftovers { octavo_instance_leftovers_of(raw) }

    /// Stops its threads, destroys the plugin's side, frees ours. No call may be open. Returns what the
    /// plugin left behind, which keeps its code from being unmapped.
    func destroy() async -> octavo_instance_leftovers {
        await ControlThread.run { [self] in
            let destroy = type.raw.pointee.life.pointee.destroy
            control { destroy(selfPointer) }
            octavo_instance_halt(raw)
            let left = leftovers
            // A thread or a timer that is still there may use the memory: then it is not freed.
            if left.threads == 0 { octavo_instance_free(raw) }
            return left
        }
    }

    private func free() {
        octavo_instance_halt(raw)
        octavo_instance_free(raw)
    }
}

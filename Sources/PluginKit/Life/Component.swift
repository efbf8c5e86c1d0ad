/// What an instance can do.
public struct Features {
    public var bits: UInt64
    /// Operations in one transaction; 0 = no limit.
    public var maxTransactionOps: UInt32
    /// The biggest payload; 0 = no limit.
    public var maxValueBytes: UInt64

    public init(_ bits: UInt64, maxTransactionOps: UInt32 = 0, maxValueBytes: UInt64 = 0) {
        self.bits = bits
        self.maxTransactionOps = maxTransactionOps
        self.maxValueBytes = maxValueBytes
    }
}

/// An instance of a component. Subclasses of its kinds answer the operations. Each function ends its
/// call now or later, or throws, which ends it with that error.
open class Component {
    public let instance: Instance
    public let features: Features

    public init(_ instance: Instance, _ features: Features) {
        self.instance = instance
        self.features = features
    }

    /// Asked after `start`: what it can do turned out then. Control thread.
    open func currentFeatures() -> Features { features }
    /// Connects. Control thread.
    open func start(_ call: Call) throws(PluginError) { call.done() }
    /// A real check of the backend. Control thread.
    open func health(_ call: Call) throws(PluginError) { call.done() }
    /// Takes no new deliveries and finishes what is under way. Control thread.
    open func drain(_ call: Call) throws(PluginError) { call.done() }
    /// Closes everything and ends open calls. Control thread.
    open func stop(_ call: Call) throws(PluginError) { call.done() }
    /// Nobody waits for this call any more; it must be ended all the same.
    open func cancel(_ call: Call) {}

    /// The table of an extension of the ABI, valid as long as the instance.
    func find(_ id: Str) -> UnsafeRawPointer? { nil }
}

/// Calls `body` with the instance behind `pointer`, without counting references: the runtime keeps it
/// from `create` until `destroy` returns.
@inline(__always)
func with<Object: AnyObject>(
    _ pointer: UnsafeMutableRawPointer?, as type: Object.Type, _ call: octavo_call,
    _ body: (Object, Call) throws(PluginError) -> Void
) {
    Unmanaged<Object>.fromOpaque(pointer!)._withUnsafeGuaranteedRef { object in
        do throws(PluginError) { try body(object, Call(call)) } catch { Call(call).fail(error) }
    }
}

/// The life of every instance, whatever its kind.
func buildLifeTable() -> UnsafePointer<octavo_life> {
    let life = Static.room(for: octavo_life.self, 1)
    life.pointee.size = UInt32(MemoryLayout<octavo_life>.size)
    life.pointee.create = { config, instance, call, address in
        guard let type = registered(config.pointee.type) else {
            Call(call).fail(PluginError(OCTAVO_CODE_INTERNAL, "This plugin has no component type \(config.pointee.type.string)."))
            return OCTAVO_FAILED
        }
        do throws(PluginError) {
            let made = try type.make(Config(raw: config), Instance(raw: instance))
            address.pointee = Unmanaged.passRetained(made).toOpaque()
            return OCTAVO_OK
        } catch {
            Call(call).fail(error)
            return OCTAVO_FAILED
        }
    }
    life.pointee.features = { pointer, out in
        let found = Unmanaged<Component>.fromOpaque(pointer).takeUnretainedValue().currentFeatures()
        out.pointee.bits = found.bits
        out.pointee.max_transaction_ops = found.maxTransactionOps
        out.pointee.max_value_bytes = found.maxValueBytes
    }
    life.pointee.start = { pointer, call, _ in
        with(pointer, as: Component.self, call) { (object, call) throws(PluginError) in try object.start(call) }
    }
    life.pointee.health = { pointer, call, _ in
        with(pointer, as: Component.self, call) { (object, call) throws(PluginError) in try object.health(call) }
    }
    life.pointee.drain = { pointer, call, _ in
        with(pointer, as: Component.self, call) { (object, call) throws(PluginError) in try object.drain(call) }
    }
    life.pointee.stop = { pointer, call, _ in
        with(pointer, as: Component.self, call) { (object, call) throws(PluginError) in try object.stop(call) }
    }
    life.pointee.destroy = { pointer in Unmanaged<Component>.fromOpaque(pointer).release() }
    life.pointee.cancel = { pointer, call in
        Unmanaged<Component>.fromOpaque(pointer).takeUnretainedValue().cancel(Call(call))
    }
    life.pointee.get_extension = { pointer, id in
        Unmanaged<Component>.fromOpaque(pointer).takeUnretainedValue().find(id)
    }
    return UnsafePointer(life)
}

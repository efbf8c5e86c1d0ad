import COctavo
import COctavoHost
import COctavoRing
import Glibc
import PluginCheck

/// A plugin's shared object as the build made it.
final class Plugin: @unchecked Sendable {  // constant after init
    let descriptor: UnsafePointer<octavo_plugin>
    let path: String
    private let handle: UnsafeMutableRawPointer

    convenience init(_ name: String) throws {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own[..<(own.lastIndex(of: "/") ?? own.endIndex)]
        try self.init(path: "\(folder)/liboctavo-plugin-\(name).so")
    }

    init(path: String) throws {
        self.path = path
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw PluginFailure(code: 13, flags: 0, reason: "", message: String(cString: dlerror()))
        }
        self.handle = handle
        typealias Entry = @convention(c) () -> UnsafePointer<octavo_plugin>?
        let entry = unsafeBitCast(dlsym(handle, OCTAVO_ENTRY_SYMBOL)!, to: Entry.self)
        descriptor = entry()!
        _ = descriptor.pointee.start?(octavo_host_table(), 0)
    }

    static let memory = Result { try Plugin("memory") }
    static let sqlite = Result { try Plugin("sqlite") }
    static let redis = Result { try Plugin("redis") }
    static let postgresql = Result { try Plugin("postgresql") }
    static let secrets = Result { try Plugin("local-secrets") }
    static let crypto = Result { try Plugin("crypto") }

    func type(_ name: String) -> UnsafePointer<octavo_type>? {
        for index in 0..<Int(descriptor.pointee.type_count) {
            let type = descriptor.pointee.types[index]
            if text(type.pointee.name) == name { return type }
        }
        return nil
    }
}

/// A setting of a component, as the runtime would have parsed it.
struct Setting {
    var name: String
    var text: String
    var integer: Int64 = 0

    static func text(_ name: String, _ text: String) -> Setting { Setting(name: name, text: text) }
    static func number(_ name: String, _ number: Int64) -> Setting { Setting(name: name, text: "\(number)", integer: number) }
    static func flag(_ name: String, _ flag: Bool = true) -> Setting { Setting(name: name, text: "\(flag)", integer: flag ? 1 : 0) }
}

/// A call that a test waits for.
final class Waiter {
    private var semaphore = sem_t()
    var take: (UnsafeRawPointer?) -> Void
    var failure: PluginFailure?

    init(_ take: @escaping (UnsafeRawPointer?) -> Void) {
        self.take = take
        sem_init(&semaphore, 0, 0)
    }
    deinit { sem_destroy(&semaphore) }

    func signal() { sem_post(&semaphore) }
    func wait() { while sem_wait(&semaphore) != 0 {} }
}

private func delivered(
    _ owner: UnsafeMutableRawPointer, _ slot: UnsafeMutablePointer<octavo_slot>, _ error: UnsafePointer<octavo_error>?,
    _ reply: UnsafeRawPointer?
) {
    let waiter = slot.pointee.waiter.map { Unmanaged<Waiter>.fromOpaque($0).takeRetainedValue() }
    if let error { waiter?.failure = failure(error.pointee) } else { waiter?.take(reply) }
    octavo_calls_free(slot)
    waiter?.signal()
}

/// An instance of a component. Its functions wait for the answer; they may be called from many threads.
final class Instance: @unchecked Sendable {  // its table of calls is a direct one, which any thread may use
    let type: UnsafePointer<octavo_type>
    let raw: OpaquePointer
    let calls: OpaquePointer
    private var isStopped = false
    let plugin: Plugin

    init(_ plugin: Plugin, _ typeName: String, folder: String = "/tmp", _ settings: [Setting]) throws {
        self.plugin = plugin
        type = plugin.type(typeName)!
        raw = octavo_instance_new(type, "test", UnsafeMutableRawPointer(mutating: UnsafeRawPointer(type)), 100_000, nil)!
        // Anything that is not NULL will do for an owner.
        calls = octavo_calls_new(UnsafeMutableRawPointer(raw), delivered, nil, 16_384)!
        guard octavo_instance_run(raw) == 0 else { fatalError("no threads") }
        let arena = Arena()
        var config = octavo_config()
        config.size = UInt32(MemoryLayout<octavo_config>.size)
        config.component = arena.str("test")
        config.type = arena.str(typeName)
        config.data_dir = arena.str(folder)
        config.values = arena.list(
            settings.map {
                octavo_value(
                    name: arena.str($0.name), text: arena.str($0.text), integer: $0.integer, number: Double($0.integer), type: 0,
                    flags: 0)
            })
        do {
            var made: UnsafeMutableRawPointer?
            try life { [raw, type] call in
                withUnsafePointer(to: &config) { config in
                    if type.pointee.life.pointee.create(config, raw, call, &made) == OCTAVO_OK {
                        _ = octavo_calls_complete(call, nil, nil)
                    }
                }
            }
            octavo_instance_set_self(raw, made)
        } catch {
            octavo_instance_halt(raw)
            octavo_instance_free(raw)
            octavo_calls_retire(calls)
            throw error
        }
        withExtendedLifetime(arena) {}
    }

    /// Calls `start`; on failure the instance is gone.
    func start(seconds: Int64 = 5) throws {
        do {
            try life(deadline: octavo_host_table().pointee.now() + seconds * 1_000_000_000) { [self] call in
                type.pointee.life.pointee.start!(octavo_instance_self(raw)!, call, Instance.plain)
            }
        } catch {
            destroy()
            throw error
        }
    }

    func health() throws {
        try life { [self] call in type.pointee.life.pointee.health!(octavo_instance_self(raw)!, call, Instance.plain) }
    }

    /// A life request without anything in it.
    nonisolated(unsafe) private static let plain: UnsafePointer<octavo_life_request> = {  // never changed
        let request = UnsafeMutablePointer<octavo_life_request>.allocate(capacity: 1)
        request.initialize(to: octavo_life_request())
        request.pointee.head.size = UInt32(MemoryLayout<octavo_life_request>.size)
        return UnsafePointer(request)
    }()

    /// Stops and destroys; what is left behind.
    @discardableResult
    func end() throws -> octavo_instance_leftovers {
        try life { [self] call in type.pointee.life.pointee.stop!(octavo_instance_self(raw)!, call, Instance.plain) }
        return destroy()
    }

    /// Without stopping it before: for a type that has no `stop`.
    @discardableResult
    func destroy() -> octavo_instance_leftovers {
        isStopped = true
        octavo_instance_halt(raw)
        type.pointee.life.pointee.destroy(octavo_instance_self(raw)!)
        let left = octavo_instance_leftovers_of(raw)
        octavo_instance_free(raw)
        octavo_calls_retire(calls)
        return left
    }

    private final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// A life function on the control thread; waits for its end.
    private func life(deadline: Int64 = 0, _ body: @escaping (octavo_call) -> Void) throws {
        let slot = octavo_calls_open(calls, 64)!
        let waiter = Waiter { _ in }
        slot.pointee.waiter = Unmanaged.passRetained(waiter).toOpaque()
        slot.pointee.deadline_ns = deadline
        slot.pointee.instance = raw
        let call = octavo_calls_handle(slot)
        let box = Box { body(call) }
        octavo_instance_control(
            raw, { Unmanaged<Box>.fromOpaque($0!).takeUnretainedValue().body() }, Unmanaged.passUnretained(box).toOpaque())
        withExtendedLifetime(box) { waiter.wait() }
        if let failure = waiter.failure { throw failure }
    }
}

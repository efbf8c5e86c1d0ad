import COctavo
import COctavoHost
import Components
import Glibc
import Logging
import NIOCore
import NIOPosix

// Measures what a call to an inline plugin costs in process: a get of one key of the in-memory store,
// through open, submit, the plugin, complete and the waiter; and the store's own work alone. Prints JSON.
//
//     octavo-bench [PLUGIN.so]     default: liboctavo-plugin-memory.so beside this program
//     octavo-bench --without-recorder [PLUGIN.so]
//                                  the same, where the loop does not write down what it does, as a runtime's does
//     octavo-bench --isolation [PLUGIN.so]
//                                  what isolation adds to one caller's time, with the helper awake and asleep, on the
//                                  caller's processor and on another

let calls = 1_000_000
let rounds = 9

func fail(_ text: String) -> Never {
    let line = Array("octavo-bench: \(text)\n".utf8)
    write(2, line, line.count)
    exit(1)
}

func ownFolder() -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    let path = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}

/// The middle of several rounds, in nanoseconds a call.
func median(_ round: () -> Void) -> Double {
    var times: [Double] = []
    for _ in 0..<rounds {
        let began = monotonicNanoseconds()
        round()
        times.append(Double(monotonicNanoseconds() - began) / Double(calls))
    }
    return times.sorted()[rounds / 2]
}

final class Counter: CallWaiter {
    // Written on the one loop that calls are made on; read there, or after what ran there has been waited for.
    nonisolated(unsafe) static var found = 0
    nonisolated(unsafe) static var failed = ""

    override func completed(_ reply: UnsafeRawPointer?) { Counter.found &+= reply == nil ? 0 : 1 }
    override func failed(_ error: CallError) { Counter.failed = error.description }
}

/// The whole way. On the loop.
func wholeCalls(_ ref: ComponentRef, _ key: UnsafeRawBufferPointer) -> Double {
    median {
        for _ in 0..<calls {
            guard
                var slot = ref.open(
                    OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: key.count + 8, deadline: 0,
                    waiter: Counter())
            else { fail(Counter.failed) }
            slot.request.pointee.key = slot.text(key)
            slot.submit()
        }
    }
}

/// The store alone, with a host whose `complete` does nothing.
func storeCalls(_ plugin: String, _ key: UnsafeRawBufferPointer) -> Double {
    guard let handle = dlopen(plugin, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, OCTAVO_ENTRY_SYMBOL),
        let descriptor = unsafeBitCast(symbol, to: octavo_plugin_v1_fn.self)()
    else { fail("can't load \(plugin)") }
    let host = UnsafeMutablePointer<octavo_host>.allocate(capacity: 1)
    host.initialize(to: octavo_host_table().pointee)
    host.pointee.complete = { _, _, _ in OCTAVO_OK }
    _ = descriptor.pointee.start?(host, 0)
    let type = descriptor.pointee.types[0]
    guard let instance = octavo_instance_new(type, "bench", UnsafeMutableRawPointer(host), 1, nil) else {
        fail("\(plugin) offers nothing")
    }
    var config = octavo_config()
    config.size = UInt32(MemoryLayout<octavo_config>.size)
    // Every setting at its default; those of the in-memory store are numbers, and none of them limits it.
    let values = type.pointee.schema?.pointee.fields.elements(as: octavo_field.self).filter(\.default_text.isPresent)
        .map { field in
            octavo_value(
                name: field.name, text: field.default_text, integer: 0, number: 0, type: field.type,
                flags: UInt32(OCTAVO_VALUE_DEFAULTED))
        } ?? []
    let count = values.count
    // The list is read by create, and lives until the process ends.
    let list = UnsafeMutableBufferPointer<octavo_value>.allocate(capacity: max(count, 1))
    _ = list.initialize(from: values)
    config.component = octavo_str(data: key.baseAddress!.assumingMemoryBound(to: CChar.self), size: 5)
    config.type = type.pointee.name
    config.version = type.pointee.version
    config.values = octavo_list(
        items: list.baseAddress, count: UInt32(count), stride: UInt32(MemoryLayout<octavo_value>.stride))
    var made: UnsafeMutableRawPointer?
    guard type.pointee.life.pointee.create(&config, instance, 0, &made) == OCTAVO_OK, let made else {
        fail("\(plugin) makes no instance")
    }
    let ops = type.pointee.ops.assumingMemoryBound(to: octavo_state_ops.self)
    guard let get = ops.pointee.get, let set = ops.pointee.set else { fail("\(plugin) has no get and set") }
    let text = octavo_str(data: key.baseAddress!.assumingMemoryBound(to: CChar.self), size: UInt64(key.count))
    var write = octavo_state_write_request()
    write.head.size = UInt32(MemoryLayout<octavo_state_write_request>.size)
    write.write.key = text
    write.write.value = octavo_bytes(data: key.baseAddress!.assumingMemoryBound(to: UInt8.self), size: UInt64(key.count))
    set(made, 1, &write)
    var request = octavo_state_get_request()
    request.head.size = UInt32(MemoryLayout<octavo_state_get_request>.size)
    request.key = text
    return withUnsafePointer(to: &request) { request in
        median { for _ in 0..<calls { get(made, 1, request) } }
    }
}

let isIsolationBench = CommandLine.arguments.dropFirst().first == "--isolation"
let isWithoutRecorder = CommandLine.arguments.dropFirst().first == "--without-recorder"
let words = CommandLine.arguments.dropFirst(isIsolationBench || isWithoutRecorder ? 2 : 1)
let plugin = words.first ?? ownFolder() + "/liboctavo-plugin-memory.so"
guard access(plugin, R_OK) == 0 else { fail("there is no plugin \(plugin); give its path") }
let inspection = try PluginInspection(path: plugin)
guard let typeName = inspection.note?.types.first else { fail("\(plugin) has no note") }
var template = Array("/tmp/octavo-bench-XXXXXX".utf8CString)
let folder = String(cString: mkdtemp(&template)!)
var logger = Logger(label: "octavo-bench") { _ in SwiftLogNoOpLogHandler() }
logger.logLevel = .critical
if isIsolationBench {
    try await IsolationBench.run(plugin, type: typeName, folder: folder, logger: logger)
    exit(0)
}
// The table of what threads do is in memory, with a data folder or without.
if !isWithoutRecorder { _ = FlightRecorder.open(dataFolder: nil, version: "") }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let eventLoop = group.next()
let loop = try await eventLoop.submit { [logger] in
    FlightRecorder.loopBegan()
    return NIOLoopBound(CallLoop(eventLoop: eventLoop, index: 0, logger: logger)!, eventLoop: eventLoop)
}.get()
let store = try ComponentStore(
    options: ComponentStore.Options(pluginFolders: [], dataFolder: folder, appID: "bench", namespace: ""),
    loops: [loop], logger: logger)
_ = try await store.load(path: plugin)
try await store.add(ComponentDefinition(name: "bench", type: typeName))
while await store.componentFacts().first?.state != "ready" { try await Task.sleep(for: .milliseconds(1)) }

let key = Array("bench||key-of-the-benchmark".utf8)
let whole = try await eventLoop.submit { () -> Double in
    key.withUnsafeBytes { key in
        guard let ref = loop.value.component(named: "bench"),
            var slot = ref.open(
                OCTAVO_STATE_OP_SET, octavo_state_write_request.self, bytes: 2 * key.count + 16, deadline: 0,
                waiter: Counter())
        else { fail(Counter.failed) }
        slot.request.pointee.write.key = slot.text(key)
        slot.request.pointee.write.value = slot.bytes(key)
        slot.submit()
        return wholeCalls(ref, key)
    }
}.get()
let alone = key.withUnsafeBytes { storeCalls(plugin, $0) }
if Counter.found < calls * rounds { fail("calls got lost: \(Counter.failed)") }
print(
    "{\"vtable_call_ns\": \(whole - alone), \"whole_call_ns\": \(whole), \"store_only_ns\": \(alone)}")
await store.shutdown()
try await eventLoop.submit { loop.value.close() }.get()
try await group.shutdownGracefully()
for path in [folder + "/components/bench", folder + "/components", folder + "/plugins", folder] { rmdir(path) }

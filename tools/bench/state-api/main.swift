import BuildingBlocks
import COctavo
import Components
import DaprProtos
import Glibc
import Logging
import NIOCore
import NIOPosix
import ProtoWire

@testable import DaprAPI
@testable import Transport

// What the layers between transport and plugin cost for one GetState, on one event loop, without sockets:
// state-api FOLDER TYPE, where FOLDER holds a plugin that offers the state store TYPE. Needs a build with
// -enable-testing. Counts allocations when a library that exports `counted_mallocs` is preloaded.

final class NoFacts: RuntimeFacts {
    let identity = AppIdentity(appID: "app")
    let version = ""
    let app: AppConnection? = nil
    let apiToken: String? = nil
    let apiRules = APIRules()
    let secretScopes: [SecretAccess] = []
    let notReady: [String] = []
    let isOutboundReady = true
    let configurationSubscriptions = ConfigurationSubscriptions()
    let configurationReceiver: (any ConfigurationReceiver)? = nil
    let extendedMetadata: [String: String] = [:]
    func setExtendedMetadata(_ key: String, _ value: String) {}
    func registeredComponents(_ done: @escaping @Sendable ([RegisteredComponent]) -> Void) { done([]) }
    func shutdown(force: Bool) {}
}

final class NoHTTP: HTTPHandler {
    func handle(_ request: HTTPRequest) {}
}

final class Ignoring: CallWaiter {}

/// The counter of a preloaded library. Its address never changes; a lost update costs a count.
nonisolated(unsafe) let mallocs = dlsym(nil, "counted_mallocs")?.assumingMemoryBound(to: UInt64.self)

/// Runs `body` often enough, five times, and prints the fastest.
func measure(_ name: String, _ body: () -> Void) {
    let count = 200_000
    var best = Int64.max
    var allocations: UInt64 = 0
    for _ in 0..<6 {
        let before = mallocs?.pointee ?? 0
        let start = monotonicNanoseconds()
        for _ in 0..<count { body() }
        best = min(best, monotonicNanoseconds() - start)
        allocations = (mallocs?.pointee ?? 0) - before
    }
    let each = Double(best) / Double(count)
    let shown = mallocs == nil ? "" : ", \(Double(allocations) / Double(count)) allocations"
    print("\(name): \((each * 10).rounded() / 10) ns\(shown)")
}

let words = CommandLine.arguments
let folder = words[1], type = words[2]
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let loop = group.next()
let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let calls = try await loop.submit {
    NIOLoopBound(CallLoop(eventLoop: loop, index: 0, logger: logger)!, eventLoop: loop)
}.get()
var template = Array("/tmp/octavo-bench-XXXXXX".utf8CString)
let data = String(cString: mkdtemp(&template)!)
let store = try ComponentStore(
    options: .init(pluginFolders: [folder], dataFolder: data, appID: "app", namespace: ""), loops: [calls], logger: logger)
try await store.add(ComponentDefinition(name: "statestore", type: type))
while try await !loop.submit({ calls.value.component(named: "statestore")!.isReady }).get() {
    try await Task.sleep(for: .milliseconds(5))
}

try await loop.submit {
    let api = DaprAPI(loop: calls.value, facts: NoFacts())
    let router = GRPCRouter()
    api.register(router)
    let context = LoopContext(
        eventLoop: loop, index: 0, limits: Server.Limits(), tls: nil,
        application: LoopApplication(grpc: router, http: NoHTTP()))
    let call = GRPCCall(loop: context)
    let request = Dapr_Proto_Runtime_V1_GetStateRequest.with { $0.storeName = "statestore"; $0.key = "user-000042" }
    let bytes: [UInt8] = request.serializedBytes()
    let reply = Dapr_Proto_Runtime_V1_GetStateResponse.with { $0.data = .init(repeating: 0x61, count: 128); $0.etag = "1234567" }
    let value = [UInt8](repeating: 0x61, count: 128), etag = Array("1234567".utf8), key = Array("app||user-000042".utf8)
    var name = DaprAPI.service + "GetState"
    guard case .unary(let handler)? = name.withUTF8({ router.method(for: UnsafeRawBufferPointer($0)) })?.kind else {
        fatalError("no method")
    }
    let out = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
    let ref = calls.value.component(named: "statestore")!
    bytes.withUnsafeBytes { message in
        measure("decode, in place") { if GetStateDecoding(message) == nil { abort() } }
        measure("decode, ProtoWire") {
            if (try? Dapr_Proto_Runtime_V1_GetStateRequest(serializedBytes: message)) == nil { abort() }
        }
        measure("encode, in place") {
            value.withUnsafeBytes { value in
                etag.withUnsafeBytes { etag in
                    var at = 0
                    if ProtoField.size(value) + ProtoField.size(etag) > out.count { abort() }
                    ProtoField.write(1, value, to: out, &at)
                    ProtoField.write(2, etag, to: out, &at)
                }
            }
        }
        measure("encode, ProtoWire") {
            let bytes: [UInt8] = reply.serializedBytes()
            bytes.withUnsafeBytes { out.copyMemory(from: $0) }
        }
        measure("component call alone") {
            guard
                var slot = ref.open(
                    OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: 64, deadline: 0, waiter: Ignoring())
            else { abort() }
            slot.request.pointee.key = key.withUnsafeBytes { slot.text($0) }
            slot.submit()
        }
        measure("GetState, from the message to the reply") {
            call.isEnded = false
            handler(call, message)
        }
    }
}.get()
await store.shutdown()
try await loop.submit { calls.value.close() }.get()
try await group.shutdownGracefully()
rmdir(data)

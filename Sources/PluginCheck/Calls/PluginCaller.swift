package import COctavo
import NIOConcurrencyHelpers

/// A started instance that can be called from any thread: what the cases of a kind run against, wherever the plugin
/// runs.
package protocol PluginCaller: Sendable {
    /// Begins operation `op` of the kind's table. `request` is the operation's structure and is copied, with all
    /// that it points at, before this returns. `take` copies what it wants of the reply, which is `nil` when it is
    /// empty. The function that is returned waits for the end and throws `PluginFailure` when that was an error.
    func submit(
        _ op: Int32, _ request: UnsafeRawPointer, _ take: @escaping @Sendable (UnsafeRawPointer?) -> Void
    ) -> () throws -> Void

    /// Opens a watch of a configuration store, and asks for what there is first; no keys: all. Where an instance is called
    /// without an event loop there is none.
    func watch(_ keys: [String]) throws -> ConfigurationListener

    /// Opens a watch of secrets; gives what ends it and waits for that. Where an instance is called without an event loop there is none.
    func watch(secrets: [String]) throws -> @Sendable () -> Void

    /// Subscribes to a topic for a group; at most `window` messages are unsettled at a time. Where an instance is called
    /// without an event loop there is none.
    func subscribe(_ topic: String, group: String, window: UInt32) throws -> PubSubListener

    /// Opens the source of an input binding; at most `window` events are unsettled at a time. Where an instance is called
    /// without an event loop there is none.
    func read(window: UInt32) throws -> PubSubListener

    /// Bits of the kind that the instance has.
    var features: UInt64 { get }

    /// Operations that one transaction may have; 0 = any number.
    var maxTransactionOps: UInt32 { get }
}

extension PluginCaller {
    package var maxTransactionOps: UInt32 { 0 }

    package func watch(secrets: [String]) throws -> @Sendable () -> Void {
        throw CaseFailure(description: "A watch needs an event loop, and this instance is called without.")
    }

    package func watch(_ keys: [String]) throws -> ConfigurationListener {
        throw CaseFailure(description: "A watch needs an event loop, and this instance is called without.")
    }

    package func subscribe(_ topic: String, group: String, window: UInt32) throws -> PubSubListener {
        throw CaseFailure(description: "A subscription needs an event loop, and this instance is called without.")
    }

    package func read(window: UInt32) throws -> PubSubListener {
        throw CaseFailure(description: "A source needs an event loop, and this instance is called without.")
    }

    /// Calls and waits. Gives what `take` copies of the reply, on another thread; nil when that is empty.
    @discardableResult
    package func call<Request, Value: Sendable>(
        _ op: Int32, _ request: Request, _ arena: Arena, _ take: @escaping @Sendable (UnsafeRawPointer) -> Value
    ) throws -> Value? {
        let taken = NIOLockedValueBox<Value?>(nil)
        try submit(op, request, arena) { reply in
            let value = take(reply)
            taken.withLockedValue { $0 = value }
        }()
        return taken.withLockedValue { $0 }
    }

    /// Begins a call; the function that it gives back waits.
    package func submit<Request>(
        _ op: Int32, _ request: Request, _ arena: Arena, _ take: @escaping @Sendable (UnsafeRawPointer) -> Void
    ) -> () throws -> Void {
        defer { withExtendedLifetime(arena) {} }  // until the request is copied
        return withUnsafePointer(to: request) { request in
            submit(op, UnsafeRawPointer(request)) { reply in if let reply { take(reply) } }
        }
    }
}

/// The head of a request structure, with its size.
package func head<Request>(_ type: Request.Type) -> octavo_head {
    var head = octavo_head()
    head.size = UInt32(MemoryLayout<Request>.size)
    return head
}

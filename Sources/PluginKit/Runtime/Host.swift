/// The runtime's table of services; set before any instance is made, and valid until the plugin stops.
/// Written once, by the plugin's start.
nonisolated(unsafe) var table: UnsafePointer<octavo_host>! = nil

/// The runtime's side of an instance.
public struct Instance {
    public let raw: OpaquePointer

    public enum Health: Int32 {
        case healthy = 1
        case degraded = 2
        case unhealthy = 3
    }

    public func log(_ level: Int32, _ message: String) {
        guard table.pointee.log_enabled(raw, level) != 0 else { return }
        var text = message
        text.withUTF8 { table.pointee.log(raw, 0, level, Str(UnsafeRawBufferPointer($0)), .empty) }
    }

    public func info(_ message: @autoclosure () -> String) { log(OCTAVO_LOG_INFO, message()) }
    public func warn(_ message: @autoclosure () -> String) { log(OCTAVO_LOG_WARNING, message()) }

    /// Has `function` called with `argument` on the reactor thread, after what waits there now; `false` when the runtime takes no
    /// more. For instances of reactor types. Any thread.
    public func post(
        _ function: @convention(c) (UnsafeMutableRawPointer?) -> Void, _ argument: UnsafeMutableRawPointer?
    ) -> Bool {
        table.pointee.post(raw, function, argument) == OCTAVO_OK
    }

    /// What the instance knows of its backend; call it when that changes. Any thread.
    public func reportHealth(_ health: Health, _ reason: String) {
        var text = reason
        text.withUTF8 { table.pointee.report_health(raw, health.rawValue, Str(UnsafeRawBufferPointer($0))) }
    }
}

/// Services that need no instance. Any thread.
public enum Host {
    /// CLOCK_MONOTONIC in nanoseconds.
    @inline(__always)
    public static func now() -> Int64 { table.pointee.now() }

    /// Random bytes that are fit for keys.
    public static func random(_ bytes: UnsafeMutableRawBufferPointer) {
        table.pointee.random(
            octavo_buffer(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: UInt64(bytes.count)))
    }

    public static func random() -> UInt64 {
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { random($0) }
        return value
    }
}

import PluginKit
import PostgreSQLPluginNative

/// One attempt to connect, on a thread of its own: libpq asks for names while it connects, which blocks.
final class Opening {
    private let target: ConnectionString
    private let deadline: Int64
    private let wakeup: Int32
    /// Written by the thread before it ends, read after that.
    private var opened: OpaquePointer?
    private(set) var outcome = POSTGRESQL_REFUSED

    init(_ target: ConnectionString, deadline: Int64) {
        self.target = target
        self.deadline = deadline
        wakeup = postgresql_wake_new()
    }

    deinit {
        PQfinish(opened)
        if wakeup >= 0 { close(wakeup) }
    }

    /// The thread's work.
    func run() {
        let count = target.pairs.count
        withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: 2 * count + 2) { room in
            let names = room.baseAddress!, values = names + count + 1
            for (index, pair) in target.pairs.enumerated() {
                // The memory of an array that nobody changes stays where it is.
                names[index] = pair.name.withUnsafeBufferPointer { $0.baseAddress }
                values[index] = pair.value.withUnsafeBufferPointer { $0.baseAddress }
            }
            names[count] = nil
            values[count] = nil
            opened = postgresql_open(names, values, wakeup, deadline, &outcome)
        }
    }

    /// Has the thread end soon. Any thread.
    func cancel() { postgresql_wake(wakeup) }

    /// The connection, which is the caller's from now on; `nil` when there is none.
    func take() -> OpaquePointer? {
        guard outcome == POSTGRESQL_OPENED else { return nil }
        defer { opened = nil }
        return opened
    }

    /// Why there is none.
    func problem(_ limit: Int64) -> String {
        if outcome == POSTGRESQL_TIMED_OUT { return "it did not answer within \(limit / 1_000_000) ms" }
        guard let opened else { return "there is no memory for it" }
        return Failure.line(String(cString: PQerrorMessage(opened)))
    }

    /// Neither time nor another address helps: what was said is wrong.
    var isPermanent: Bool {
        guard outcome == POSTGRESQL_REFUSED, let opened else { return false }
        return Failure.isPermanent(String(cString: PQerrorMessage(opened)))
    }
}

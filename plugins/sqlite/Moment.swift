import PluginKit

/// A time as the database keeps it: UTC with milliseconds ("2026-02-03 04:05:06.789"). It sorts as text,
/// also against the whole seconds that Dapr writes.
struct Moment {
    static let size = 23
    private let memory: UnsafeMutablePointer<UInt8>

    /// `nanoseconds` since 1970. Deallocate it.
    init(_ nanoseconds: Int64) {
        memory = .allocate(capacity: Moment.size + 1)
        Timestamp.write(seconds: nanoseconds / 1_000_000_000, to: memory)
        memory[10] = 0x20
        memory[19] = 0x2E
        let milliseconds = nanoseconds / 1_000_000 % 1000
        memory[20] = UInt8(milliseconds / 100) + 0x30
        memory[21] = UInt8(milliseconds / 10 % 10) + 0x30
        memory[22] = UInt8(milliseconds % 10) + 0x30
    }

    var text: Str { Str(UnsafeRawPointer(memory), Moment.size) }
    func deallocate() { memory.deallocate() }

    /// The kept form as RFC 3339 with whole seconds, rounded down; `nil` for a text that is none.
    static func seconds(_ text: Str, to out: UnsafeMutablePointer<UInt8>) -> Bool {
        guard text.count >= 19 else { return false }
        memcpy(out, text.data!, 19)
        out[10] = 0x54
        out[19] = 0x5A
        return true
    }
}

import CSQLite
import PluginKit

/// The keys that start with a prefix, as a range that the index can answer.
final class PrefixRange {
    private let prefix: Str
    /// The first text after all that start with the prefix; empty when there is none.
    private let end: [UInt8]

    init(_ prefix: Str) {
        self.prefix = prefix
        end = PrefixRange.end(prefix)
    }

    static func end(_ prefix: Str) -> [UInt8] {
        var end = prefix.array
        while let last = end.last, last == 0xFF { end.removeLast() }
        if !end.isEmpty { end[end.count - 1] += 1 }
        return end
    }

    /// Binds parameters 1 and 2. Keep the range until the statement is reset.
    func bind(to statement: OpaquePointer) {
        SQLitePlugin.bind(statement, 1, prefix)
        // The memory of an array that nobody changes stays where it is.
        if !end.isEmpty { end.withUnsafeBytes { SQLitePlugin.bind(statement, 2, Str($0)) } }
    }
}

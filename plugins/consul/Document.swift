import PluginKit

/// A piece of JSON: its leaves, whose names are compared whatever the case of their letters, as Go's reader does it for Dapr.
struct Document {
    /// Names on the way, and the value: a text without quotes.
    private(set) var leaves: [(path: [[UInt8]], value: [UInt8])] = []

    /// Any value, not only an object. `depth`: objects and lists that have so many names on the way to them are told of as they are written.
    init(_ text: [UInt8], depth: Int = .max) throws(PluginError) {
        final class Found { var leaves: [(path: [[UInt8]], value: [UInt8])] = [] }
        let found = Found()
        var failure: PluginError?
        // The reader wants an object.
        let whole = Str(#"{"":"#).array + text + [0x7D]
        whole.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes, depth: depth == .max ? depth : depth + 1) { path, value in
                    if !path.isEmpty { found.leaves.append(([[UInt8]](path.dropFirst()), value)) }
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        leaves = found.leaves
    }

    /// `nil` when it is absent or empty.
    func value(_ names: StaticString...) -> [UInt8]? {
        for leaf in leaves where leaf.path.count == names.count && !leaf.value.isEmpty {
            var isIt = true
            for index in names.indices where !leaf.path[index].isSame(as: names[index]) { isIt = false }
            if isIt { return leaf.value }
        }
        return nil
    }

    func text(_ names: StaticString) -> String? { value(names).map { String(decoding: $0, as: UTF8.self) } }
    func flag(_ names: StaticString) -> Bool { value(names)?.equals("true") ?? false }
}

extension [UInt8] {
    /// The same letters, small or not.
    func isSame(as word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in indices {
            let one = self[index], other = word.utf8Start[index]
            if one == other { continue }
            guard one ^ other == 0x20, one | 0x20 >= 0x61, one | 0x20 <= 0x7A else { return false }
        }
        return true
    }

    /// Appends it as JSON, in quotes.
    mutating func addQuoted(_ text: [UInt8]) {
        append(0x22)
        let digits = Swift.Array("0123456789abcdef".utf8)
        for byte in text {
            if byte == 0x22 || byte == 0x5C { append(0x5C) }
            if byte < 0x20 { self += Str("\\u00").array + [digits[Int(byte >> 4)], digits[Int(byte & 15)]] } else { append(byte) }
        }
        append(0x22)
    }

    mutating func add(_ text: StaticString) { append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) }
}

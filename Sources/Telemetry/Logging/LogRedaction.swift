import Glibc
import Synchronization

/// Keeps secrets out of the log, whoever wrote the line: values of telling metadata keys, and every
/// occurrence of a value that was registered as a secret, as in a driver's error message.
package final class LogRedaction: Sendable {
    /// The one that resolved secrets are registered with.
    package static let shared = LogRedaction()

    /// Words that mark a metadata key whose value never shows, compared with the key in lower case without
    /// `-`, `_` and `.`.
    private static let tellingWords = [
        "password", "passwd", "authorization", "apitoken", "accesstoken", "bearertoken", "privatekey", "accesskey",
        "secretkey", "secretvalue", "connectionstring", "credential", "cookie",
    ].map { Array($0.utf8) }
    /// Shorter values appear by chance: hiding `yes` would garble lines and hide nothing.
    private static let shortest = 6

    private struct Known {
        /// Hidden for good.
        var fixed: Set<[UInt8]> = []
        /// What owners hold now, and what they held before, newest first: its last uses may still be told of.
        var held: [String: [Set<[UInt8]>]] = [:]
        /// All of them. Longest first, so that a part of a secret does not spoil the whole.
        var values: [[UInt8]] = []

        mutating func collect() {
            let all = held.values.joined().reduce(into: fixed) { $0.formUnion($1) }
            values = all.sorted { $0.count > $1.count }
        }
    }

    private let known = Mutex(Known())
    /// Spares the lock while there is nothing to look for.
    private let isUsed = Atomic(false)

    package init() {}

    /// Hides a value from now on. Values of less than six bytes are not looked for.
    package func protect(_ value: String) {
        let bytes = Array(value.utf8)
        guard bytes.count >= LogRedaction.shortest else { return }
        known.withLock { known in
            if known.fixed.insert(bytes).inserted { known.collect() }
        }
        isUsed.store(true, ordering: .releasing)
    }

    /// Sets of an owner that are kept.
    private static let memory = 8

    /// Hides the secrets that an owner (a component) holds from now on, and still those that it held until now. Of much
    /// earlier ones nothing is kept, so that a secret that is changed every hour does not fill the memory.
    package func protect(_ values: [String], of owner: String) {
        let now = Set(values.map { Array($0.utf8) }.filter { $0.count >= LogRedaction.shortest })
        let isNew = known.withLock { known in
            let held = known.held[owner] ?? []
            guard now != held.first ?? [] else { return false }
            known.held[owner] = [now] + held.filter { $0 != now }.prefix(LogRedaction.memory - 1)
            known.collect()
            return true
        }
        if isNew { isUsed.store(true, ordering: .releasing) }
    }

    /// Whether a metadata key tells that its value is a secret.
    func hides(key: String) -> Bool {
        // Bytes, because each fact of each line passes here and searching in a String costs microseconds.
        var plain: [UInt8] = []
        plain.reserveCapacity(key.utf8.count)
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): continue
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): plain.append(byte | 0x20)
            default: plain.append(byte)
            }
        }
        return LogRedaction.tellingWords.contains { $0.count <= plain.count && find($0, in: plain, from: 0) != nil }
    }

    /// The text with every registered secret masked.
    package func mask(_ text: String) -> String {
        guard isUsed.load(ordering: .acquiring) else { return text }
        let values = known.withLock { $0.values }
        var bytes = Array(text.utf8)
        var isChanged = false
        for value in values {
            var from = 0
            while let start = find(value, in: bytes, from: from) {
                bytes.replaceSubrange(start..<start + value.count, with: Sensitive.mask.utf8)
                from = start + Sensitive.mask.utf8.count
                isChanged = true
            }
        }
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }

    private func find(_ value: [UInt8], in bytes: [UInt8], from: Int) -> Int? {
        bytes.withUnsafeBytes { text in
            value.withUnsafeBytes { wanted in
                guard let base = text.baseAddress, let pattern = wanted.baseAddress else { return nil }
                var at = from
                while at + wanted.count <= text.count {
                    let room = text.count - wanted.count - at + 1
                    guard let hit = memchr(base + at, Int32(wanted[0]), room) else { return nil }
                    at = UnsafeRawPointer(hit) - base
                    if memcmp(base + at, pattern, wanted.count) == 0 { return at }
                    at += 1
                }
                return nil
            }
        }
    }
}

import PluginKit

/// What an app may not say on connections that requests share: whatever would hold after its statement.
enum StatementCheck {
    private static let refused: [StaticString] = [
        "abort", "begin", "close", "commit", "copy", "deallocate", "declare", "discard", "end", "execute", "fetch", "listen", "load", "lock", "move",
        "prepare", "release", "reset", "rollback", "savepoint", "set", "start", "unlisten",
    ]

    static func check(_ sql: Str) throws(PluginError) {
        guard UTF8Check.isText(sql.raw), !sql.raw.contains(0) else { throw .invalid("The metadata sql is not UTF-8 text.") }
        let word = firstWord(sql.raw)
        guard word.withUnsafeBytes({ word in !refused.contains { Str(word).equals($0) } }) else {
            throw .invalid(
                "The statement begins with \(String(decoding: word, as: UTF8.self)), which a binding does not take: requests share its connections, and each is a transaction of its own. Write what belongs together as one statement (WITH, DO, or a function), and settings into connectionString.")
        }
    }

    /// In small letters; behind spaces and comments.
    private static func firstWord(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var at = 0
        func has(_ one: UInt8, _ other: UInt8) -> Bool { at + 1 < text.count && text[at] == one && text[at + 1] == other }
        while at < text.count {
            if text[at] <= 0x20 || text[at] == 0x3B {
                at += 1
            } else if has(0x2D, 0x2D) {
                while at < text.count, text[at] != 0x0A, text[at] != 0x0D { at += 1 }
            } else if has(0x2F, 0x2A) {
                // They nest.
                var depth = 0
                repeat {
                    if has(0x2F, 0x2A) {
                        depth += 1
                        at += 2
                    } else if has(0x2A, 0x2F) {
                        depth -= 1
                        at += 2
                    } else {
                        at += 1
                    }
                } while depth > 0 && at < text.count
            } else {
                break
            }
        }
        var word: [UInt8] = []
        while at < text.count, case let letter = text[at] | 0x20, letter >= 0x61, letter <= 0x7A {
            word.append(letter)
            at += 1
        }
        return word
    }
}

/// Patterns of `OCTAVO_KEYS_LIKE`: `%` is any text, `_` one character, `\` quotes the next one.
public enum Like {
    /// Whether all of `text` fits. Linear in the usual case and at worst `text` × `pattern`: on a mismatch
    /// only the last `%` is tried again.
    public static func matches(_ text: UnsafeRawBufferPointer, _ pattern: UnsafeRawBufferPointer) -> Bool {
        var at = 0, step = 0
        var star = -1, resume = 0
        while at < text.count {
            if step < pattern.count, pattern[step] == 0x25 {
                star = step
                resume = at
                step += 1
                continue
            }
            if step < pattern.count {
                let quoted = pattern[step] == 0x5C && step + 1 < pattern.count
                if !quoted, pattern[step] == 0x5F {
                    at += width(text, at)
                    step += 1
                    continue
                }
                if pattern[quoted ? step + 1 : step] == text[at] {
                    at += 1
                    step += quoted ? 2 : 1
                    continue
                }
            }
            guard star >= 0 else { return false }
            resume += 1
            at = resume
            step = star + 1
        }
        while step < pattern.count, pattern[step] == 0x25 { step += 1 }
        return step == pattern.count
    }

    /// Bytes of the UTF-8 character at `at`.
    private static func width(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int {
        var end = at + 1
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return end - at
    }
}

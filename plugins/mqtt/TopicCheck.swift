import PluginKit

/// What servers close the connection for, which would be everybody's: it is refused before.
enum TopicCheck {
    /// A topic to publish to.
    static func name(_ topic: Str) throws(PluginError) {
        try text(topic)
        for byte in topic.raw where byte == 0x2B || byte == 0x23 {
            throw .invalid("The topic to publish to holds + or #, which are for subscriptions.")
        }
    }

    /// A topic to subscribe to: + for one level, # for the rest, $share/group/topic.
    static func filter(_ filter: Str) throws(PluginError) {
        try text(filter)
        let bytes = filter.raw
        for index in 0..<bytes.count where bytes[index] == 0x2B || bytes[index] == 0x23 {
            let isAlone = (index == 0 || bytes[index - 1] == 0x2F) && (index + 1 == bytes.count || bytes[index + 1] == 0x2F)
            guard isAlone, bytes[index] == 0x2B || index + 1 == bytes.count else {
                throw .invalid("In the topic of a subscription + stands for a whole level and # for all at the end, like a/+/c or a/#.")
            }
        }
        if filter.hasPrefix(Str("$share/")) {
            let rest = bytes.dropFirst(7)
            guard let slash = rest.firstIndex(of: 0x2F), slash > rest.startIndex, slash + 1 < rest.endIndex,
                !rest[..<slash].contains(0x2B), !rest[..<slash].contains(0x23)
            else { throw .invalid("A shared subscription is $share/group/topic.") }
        }
    }

    private static func text(_ topic: Str) throws(PluginError) {
        let bytes = topic.raw
        guard !bytes.isEmpty else { throw .invalid("The topic is empty.") }
        guard bytes.count <= 65535 else { throw .invalid("The topic has \(bytes.count) bytes; MQTT takes 65535 at most.") }
        guard UTF8Check.isText(bytes) else { throw .invalid("The topic is not UTF-8 text, or holds a NUL.") }
        var levels = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte == 0x2F { levels += 1 }
            let isC1 = byte == 0xC2 && bytes[index + 1] < 0xA0
            // U+FDD0 to U+FDEF, and U+xFFFE and U+xFFFF.
            let isNoCharacter =
                byte == 0xEF && ((bytes[index + 1] == 0xB7 && bytes[index + 2] >= 0x90 && bytes[index + 2] < 0xB0)
                    || (bytes[index + 1] == 0xBF && bytes[index + 2] >= 0xBE))
                || byte >= 0xF0 && bytes[index + 1] & 0x0F == 0x0F && bytes[index + 2] == 0xBF && bytes[index + 3] >= 0xBE
            guard byte >= 0x20, byte != 0x7F, !isC1, !isNoCharacter else {
                throw .invalid("The topic holds a control character, or one that Unicode has none for.")
            }
        }
        guard levels <= 200 else { throw .invalid("The topic has \(levels + 1) levels; servers take 201 at most.") }
    }
}

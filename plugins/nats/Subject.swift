import PluginKit

/// Subjects and names of NATS.
enum Subject {
    /// Whether messages may be published to it. Subjects of the server itself (`$…`) and of replies (`_INBOX…`) are not for
    /// topics: whoever could publish there could command JetStream.
    static func isPublishable(_ subject: some Collection<UInt8>, toAPI: Bool = false) -> Bool {
        isWellFormed(subject, wildcards: false) && (toAPI || isForTopics(subject))
    }

    /// Whether it may be listened to: `*` is any word, `>` at the end any rest.
    static func isSubscribable(_ subject: some Collection<UInt8>) -> Bool {
        isWellFormed(subject, wildcards: true) && isForTopics(subject)
    }

    static func hasWildcard(_ subject: some Collection<UInt8>) -> Bool {
        for token in subject.split(separator: 0x2E) where isWildcard(token) { return true }
        return false
    }

    private static func isWildcard(_ token: some Collection<UInt8>) -> Bool {
        token.count == 1 && (token.first == 0x2A || token.first == 0x3E)
    }

    private static func isForTopics(_ subject: some Collection<UInt8>) -> Bool {
        subject.first != 0x24 && !subject.starts(with: Array("_INBOX".utf8))
    }

    private static func isWellFormed(_ subject: some Collection<UInt8>, wildcards: Bool) -> Bool {
        guard !subject.isEmpty, subject.count <= 1024 else { return false }
        for byte in subject where byte <= 0x20 || byte == 0x7F { return false }
        var isLast = false
        for token in subject.split(separator: 0x2E, omittingEmptySubsequences: false) {
            if token.isEmpty || isLast { return false }
            guard isWildcard(token) else { continue }
            if !wildcards { return false }
            isLast = token.first == 0x3E
        }
        return true
    }

    /// Whether it may be the name of a stream or a consumer; an empty one may.
    static func isName(_ name: [UInt8]) -> Bool {
        for byte in name where !(byte > 0x20 && byte < 0x7F) || isForbidden(byte) { return false }
        return true
    }

    /// `.` `*` `>` `/` `\`
    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte == 0x2E || byte == 0x2A || byte == 0x3E || byte == 0x2F || byte == 0x5C
    }

    /// A text as part of a name, so that no two texts become one: `.` is `+`, what a name can't have is `=` and its number.
    static func name(of text: [UInt8]) -> [UInt8] {
        var name: [UInt8] = []
        for byte in text {
            switch byte {
            case 0x2E: name.append(0x2B)
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: name.append(byte)
            default:
                name.append(0x3D)
                for half in [byte >> 4, byte & 15] { name.append(half < 10 ? 0x30 + half : 0x37 + half) }
            }
        }
        return name
    }
}

/// What the reply subject of a delivered message says: `$JS.ACK.[domain.account.]stream.consumer.delivered.sequence.….time.pending`
struct AckSubject {
    let text: [CChar]
    let sequence: UInt64
    let delivered: UInt64
    /// Nanoseconds since 1970.
    let published: UInt64

    /// `nil` for a message that is not JetStream's.
    init?(_ reply: UnsafePointer<CChar>) {
        let bytes = UnsafeRawBufferPointer(start: reply, count: strlen(reply))
        let tokens = bytes.split(separator: 0x2E)
        guard tokens.count >= 9, bytes.starts(with: Array("$JS.ACK.".utf8)) else { return nil }
        let first = tokens.count == 9 ? 4 : 6
        guard tokens.count > first + 3, let delivered = AckSubject.number(tokens[first]),
            let sequence = AckSubject.number(tokens[first + 1]), let time = AckSubject.number(tokens[first + 3])
        else { return nil }
        text = [CChar](UnsafeBufferPointer(start: reply, count: bytes.count)) + [0]
        self.sequence = sequence
        self.delivered = delivered
        published = time
    }

    private static func number(_ token: Slice<UnsafeRawBufferPointer>) -> UInt64? {
        Str(UnsafeRawBufferPointer(rebasing: token)).decimal
    }
}

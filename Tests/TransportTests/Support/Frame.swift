/// One HTTP/2 frame (RFC 9113 §4.1), built byte by byte so that it may be wrong.
struct Frame {
    enum Kind {
        static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, reset: UInt8 = 3, settings: UInt8 = 4
        static let ping: UInt8 = 6, goAway: UInt8 = 7, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    }

    var kind: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []
    /// What the frame says about its length, when that is not the truth.
    var claimedLength: Int?

    var bytes: [UInt8] {
        let length = claimedLength ?? payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags]
            + Self.number(stream) + payload
    }

    static func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * UInt32($0)) & 255) } }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = Frame(kind: Kind.settings)
    static let settingsAck = Frame(kind: Kind.settings, flags: 1)

    /// A header block of literals that are not indexed (RFC 7541 §6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + string(name) + string(value) }
    }

    private static func string(_ text: String) -> [UInt8] {
        var length = text.utf8.count
        guard length >= 127 else { return [UInt8(length)] + Array(text.utf8) }
        var bytes: [UInt8] = [127]
        length -= 127
        while length >= 128 {
            bytes.append(UInt8(length & 127 | 128))
            length >>= 7
        }
        return bytes + [UInt8(length)] + Array(text.utf8)
    }

    static func call(_ path: String, stream: UInt32 = 1, extra: [(String, String)] = [], flags: UInt8 = 4) -> Frame {
        Frame(
            kind: Kind.headers, flags: flags, stream: stream,
            payload: block(
                [
                    (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
                    ("content-type", "application/grpc"), ("te", "trailers"),
                ] + extra))
    }

    static func request(
        _ method: String, _ path: String, stream: UInt32 = 1, extra: [(String, String)] = [], flags: UInt8 = 5
    )
        -> Frame
    {
        Frame(
            kind: Kind.headers, flags: flags, stream: stream,
            payload: block([(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")] + extra))
    }

    static func data(_ bytes: [UInt8], stream: UInt32 = 1, last: Bool = false) -> Frame {
        Frame(kind: Kind.data, flags: last ? 1 : 0, stream: stream, payload: bytes)
    }

    /// One gRPC message.
    static func message(_ bytes: some Collection<UInt8>, stream: UInt32 = 1, last: Bool = false, flag: UInt8 = 0)
        -> Frame
    {
        data([flag] + number(UInt32(bytes.count)) + bytes, stream: stream, last: last)
    }

    static func reset(_ stream: UInt32, code: UInt32 = 8) -> Frame {
        Frame(kind: Kind.reset, stream: stream, payload: number(code))
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> Frame {
        Frame(kind: Kind.windowUpdate, stream: stream, payload: number(increment))
    }
}

import CNGHTTP2
import DaprProtos
import Glibc
import NIOCore
import ProtoWire

@testable import DaprAPI

/// A blocking socket with ten seconds of patience.
final class Wire {
    struct Closed: Error {}

    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        guard address.withSockAddr({ connect(descriptor, $0, socklen_t($1)) }) == 0 else { throw Closed() }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Closed() }
            sent += count
        }
    }

    /// What came; empty at the end.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Closed() }
        return Array(buffer[..<count])
    }
}

/// An answer to an HTTP request.
struct HTTPAnswer {
    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// One HTTP/1.1 request on a connection of its own.
func http(
    _ port: Int, _ method: String, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
) throws -> HTTPAnswer {
    let wire = try Wire(port: port)
    var head = "\(method) \(target) HTTP/1.1\r\nhost: test\r\nconnection: close\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if let body { head += "content-length: \(body.utf8.count)\r\n" }
    try wire.send(Array((head + "\r\n" + (body ?? "")).utf8))
    var all: [UInt8] = []
    while case let part = try wire.receive(), !part.isEmpty { all += part }
    guard let end = all.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Wire.Closed() }
    let lines = String(decoding: all[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    var answer = HTTPAnswer(status: Int(lines[0].split(separator: " ")[1]) ?? 0)
    for line in lines.dropFirst() {
        let sides = line.split(separator: ":", maxSplits: 1)
        answer.headers[sides[0].lowercased()] = sides.count == 2 ? String(sides[1].drop { $0 == " " }) : ""
    }
    answer.body = Array(all[end.upperBound...])
    return answer
}

/// An answer to a unary gRPC call.
struct GRPCAnswer {
    var fields: [String: String] = [:]
    var message: [UInt8] = []
    var code: Int { fields["grpc-status"].flatMap { Int($0) } ?? -1 }
    var text: String { fields["grpc-message"] ?? "" }

    func decoded<Reply: Message>(_ type: Reply.Type) throws -> Reply { try Reply(serializedBytes: message) }

    /// The details of the error, by the last part of their type.
    func details() throws -> [String: Google_Protobuf_Any] {
        guard let encoded = fields["grpc-status-details-bin"], let bytes = decodeBase64(encoded) else { return [:] }
        let status = try Google_Rpc_Status(serializedBytes: bytes)
        return Dictionary(
            status.details.map { (String($0.typeURL.split(separator: ".").last ?? ""), $0) }, uniquingKeysWith: { $1 })
    }
}

/// One call over HTTP/2 frames (RFC 9113), on a connection of its own; its messages one after the other.
final class GRPCExchange {
    private let wire: Wire
    private let inflater: OpaquePointer?
    private var buffer: [UInt8] = []
    private var body: [UInt8] = []
    private var isEnded = false
    /// Headers and trailers that have come.
    private(set) var fields: [String: String] = [:]

    init(_ port: Int, _ method: String, _ message: [UInt8], metadata: [(String, String)] = []) throws {
        wire = try Wire(port: port)
        var made: OpaquePointer?
        nghttp2_hd_inflate_new(&made)
        inflater = made
        var fields = [
            (":method", "POST"), (":scheme", "http"), (":path", DaprAPI.service + method), (":authority", "test"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        fields += metadata
        let block: [UInt8] = fields.flatMap { name, value -> [UInt8] in [0] + hpack(name) + hpack(value) }
        let length = UInt32(message.count)
        let framed: [UInt8] = [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) } + message
        var out = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, []) + frame(1, 4, 1, block)
        var rest = framed[...]
        repeat {
            let part = rest.prefix(16384)
            rest = rest.dropFirst(part.count)
            out += frame(0, rest.isEmpty ? 1 : 0, 1, Array(part))
        } while !rest.isEmpty
        try wire.send(out)
    }

    deinit { nghttp2_hd_inflate_del(inflater) }

    /// The next message; nil at the end of the call.
    func next() throws -> [UInt8]? {
        while true {
            if body.count >= 5 {
                let length = body[1..<5].reduce(0) { $0 << 8 | Int($1) }
                if body.count >= 5 + length {
                    defer { body.removeFirst(5 + length) }
                    return Array(body[5..<5 + length])
                }
            }
            if isEnded { return nil }
            try takeFrame()
        }
    }

    private func takeFrame() throws {
        while buffer.count < 9 || buffer.count < 9 + (Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])) {
            let part = try wire.receive()
            if part.isEmpty { throw Wire.Closed() }
            buffer += part
        }
        let size = Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])
        let (kind, flags, payload) = (buffer[3], buffer[4], Array(buffer[9..<9 + size]))
        buffer.removeFirst(9 + size)
        switch kind {
        case 0: body += payload
        case 1: fields.merge(inflate(payload, inflater)) { $1 }
        case 3, 7: throw Wire.Closed()
        default: break
        }
        if kind <= 1, flags & 1 != 0 { isEnded = true }
    }
}

/// One unary call.
func grpc(
    _ port: Int, _ method: String, _ message: [UInt8], metadata: [(String, String)] = [], whenSent: () throws -> Void = {}
) throws -> GRPCAnswer {
    let exchange = try GRPCExchange(port, method, message, metadata: metadata)
    try whenSent()
    var answer = GRPCAnswer()
    while let message = try exchange.next() { answer.message = message }
    answer.fields = exchange.fields
    return answer
}

func grpc(_ port: Int, _ method: String, _ message: some Message, metadata: [(String, String)] = []) throws -> GRPCAnswer {
    try grpc(port, method, message.serializedBytes(), metadata: metadata)
}

private func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255), kind, flags, 0, 0, 0, stream]
        + payload
}

/// A literal text (RFC 7541 §5.2) shorter than 127 bytes.
private func hpack(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

private func inflate(_ block: [UInt8], _ inflater: OpaquePointer?) -> [String: String] {
    var fields: [String: String] = [:]
    var block = block
    block.withUnsafeMutableBufferPointer { block in
        var at = 0
        while true {
            var field = nghttp2_nv()
            var flags: Int32 = 0
            let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block.baseAddress! + at, block.count - at, 1)
            guard used >= 0 else { return }
            at += used
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                fields[name] = String(decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(inflater)
                return
            }
        }
    }
    return fields
}

private func decodeBase64(_ text: String) -> [UInt8]? {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for letter in text.utf8 where letter != 0x3d {
        guard let value = letters.firstIndex(of: letter) else { return nil }
        word = word << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
            bits -= 8
            out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
    }
    return out
}

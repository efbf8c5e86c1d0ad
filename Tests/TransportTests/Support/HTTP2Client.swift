import CNGHTTP2
import NIOCore

/// An HTTP/2 client of raw frames over a socket. Acknowledges settings, and nothing else, by itself.
final class HTTP2Client {
    /// What came back on one stream.
    struct Answer {
        var headers: [String: String] = [:]
        var trailers: [String: String] = [:]
        var body: [UInt8] = []
        var isEnded = false
        var resetCode: UInt32?

        /// `grpc-status`, from the trailers or from a trailers-only answer.
        var status: String? { trailers["grpc-status"] ?? headers["grpc-status"] }
        var message: String? { trailers["grpc-message"] ?? headers["grpc-message"] }
        /// The gRPC messages of the body: flag and bytes.
        var messages: [(flag: UInt8, bytes: [UInt8])] {
            var result: [(UInt8, [UInt8])] = []
            var rest = body[...]
            while rest.count >= 5 {
                let start = rest.startIndex
                let length = rest[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
                guard rest.count >= 5 + length else { break }
                result.append((rest[start], Array(rest[(start + 5)..<(start + 5 + length)])))
                rest = rest.dropFirst(5 + length)
            }
            return result
        }
    }

    let connection: RawConnection
    private(set) var answers: [UInt32: Answer] = [:]
    private(set) var goAways: [(last: UInt32, code: UInt32, text: String)] = []
    private(set) var pings: [Frame] = []
    private(set) var windowUpdates: [UInt32: Int] = [:]
    private(set) var settings: [UInt16: UInt32] = [:]
    private var buffer: [UInt8] = []
    private let acknowledges: Bool
    private var inflater: OpaquePointer?

    init(_ address: SocketAddress, settings: [UInt8] = [], greets: Bool = true, acknowledges: Bool = true) throws {
        self.acknowledges = acknowledges
        connection = try RawConnection(address)
        nghttp2_hd_inflate_new(&inflater)
        if greets { send(bytes: Frame.preface + Frame(kind: Frame.Kind.settings, payload: settings).bytes) }
    }

    deinit { nghttp2_hd_inflate_del(inflater) }

    @discardableResult
    func send(_ frames: Frame...) -> Bool { send(frames) }

    @discardableResult
    func send(_ frames: [Frame]) -> Bool { connection.send(frames.flatMap(\.bytes)) }

    @discardableResult
    func send(bytes: [UInt8]) -> Bool { connection.send(bytes) }

    /// Reads until `condition` holds or the connection ends.
    func wait(until condition: () -> Bool) async throws {
        while !condition(), !connection.isAtEnd {
            buffer += try await connection.receive()
            parse()
        }
    }

    /// Reads until the stream has ended or was reset.
    func answer(_ stream: UInt32 = 1) async throws -> Answer {
        try await wait { answers[stream].map { $0.isEnded || $0.resetCode != nil } ?? false }
        return answers[stream] ?? Answer()
    }

    /// Reads until the server closes.
    func waitForEnd() async throws { try await wait { false } }

    private func parse() {
        var offset = 0
        while buffer.count - offset >= 9 {
            let length = Int(buffer[offset]) << 16 | Int(buffer[offset + 1]) << 8 | Int(buffer[offset + 2])
            guard buffer.count - offset >= 9 + length else { break }
            let stream = buffer[(offset + 5)..<(offset + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            take(
                Frame(
                    kind: buffer[offset + 3], flags: buffer[offset + 4], stream: stream,
                    payload: Array(buffer[(offset + 9)..<(offset + 9 + length)])))
            offset += 9 + length
        }
        buffer.removeFirst(offset)
    }

    private func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    private func take(_ frame: Frame) {
        switch frame.kind {
        case Frame.Kind.data:
            answers[frame.stream, default: Answer()].body += frame.payload
            if frame.flags & 1 != 0 { answers[frame.stream]?.isEnded = true }
        case Frame.Kind.headers:
            let fields = inflate(frame.payload)
            var answer = answers[frame.stream] ?? Answer()
            if fields[":status"] == "100" { break }
            if answer.headers.isEmpty { answer.headers = fields } else { answer.trailers = fields }
            answer.isEnded = frame.flags & 1 != 0
            answers[frame.stream] = answer
        case Frame.Kind.reset:
            answers[frame.stream, default: Answer()].resetCode = number(frame.payload[...])
        case Frame.Kind.settings where frame.flags & 1 == 0:
            for start in stride(from: 0, to: frame.payload.count, by: 6) {
                if acknowledges, start == 0 { send(.settingsAck) }
                settings[UInt16(number(frame.payload[start..<start + 2]))] = number(
                    frame.payload[(start + 2)..<(start + 6)])
            }
        case Frame.Kind.ping where frame.flags & 1 == 0: pings.append(frame)
        case Frame.Kind.goAway:
            goAways.append(
                (
                    number(frame.payload[0..<4]), number(frame.payload[4..<8]),
                    String(decoding: frame.payload[8...], as: UTF8.self)
                ))
        case Frame.Kind.windowUpdate: windowUpdates[frame.stream, default: 0] += Int(number(frame.payload[...]))
        default: break
        }
    }

    private func inflate(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        block.withUnsafeBufferPointer { block in
            var input = UnsafeMutablePointer(mutating: block.baseAddress)
            var count = block.count
            while true {
                var field = nghttp2_nv()
                var flags: Int32 = 0
                let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, input, count, 1)
                guard used >= 0 else { return }
                input = input?.advanced(by: used)
                count -= used
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                    let name = String(
                        decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                    fields[name] = String(
                        decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                }
                if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                    nghttp2_hd_inflate_end_headers(inflater)
                    return
                }
            }
        }
        return fields
    }
}

import SwiftProtobuf
import Transport

/// Bytes that are borrowed for the time of a handler, in the form that SwiftProtobuf reads.
struct BorrowedBytes: SwiftProtobufContiguousBytes {
    private let buffer: UnsafeRawBufferPointer

    init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }
    init(repeating: UInt8, count: Int) { buffer = UnsafeRawBufferPointer(start: nil, count: 0) }
    init<S: Sequence>(_ sequence: S) where S.Element == UInt8 { buffer = UnsafeRawBufferPointer(start: nil, count: 0) }

    var count: Int { buffer.count }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R { try body(buffer) }

    mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }
}

extension GRPCCall {
    /// The request message, or `nil` after the caller was told that it is malformed.
    func decode<Request: Message>(_ message: UnsafeRawBufferPointer, as type: Request.Type) -> Request? {
        do {
            return try Request(serializedBytes: BorrowedBytes(message))
        } catch {
            fail(GRPCStatus(.internal, "the request is not a valid \(Request.protoMessageName) message"))
            return nil
        }
    }

    func reply(_ message: some Message) {
        do {
            let bytes: [UInt8] = try message.serializedBytes()
            bytes.withUnsafeBytes { reply($0) }
        } catch {
            fail(GRPCStatus(.internal, "the reply can't be encoded: \(error)"))
        }
    }

    /// An empty message, as `google.protobuf.Empty` is.
    func replyEmpty() { reply(UnsafeRawBufferPointer(start: nil, count: 0)) }

    func fail(_ error: APIError) { fail(error.grpcStatus) }

    /// CLOCK_MONOTONIC nanoseconds, 0 for none.
    var deadlineNanoseconds: Int64 { deadline.map { Int64($0.uptimeNanoseconds) } ?? 0 }
}

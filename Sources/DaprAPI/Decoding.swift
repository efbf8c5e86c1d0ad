import ProtoWire
import Transport

extension GRPCCall {
    /// The request message, or `nil` after the caller was told that it is malformed.
    func decode<Request: Message>(_ message: UnsafeRawBufferPointer, as type: Request.Type) -> Request? {
        do throws(ProtoError) {
            return try Request(serializedBytes: message)
        } catch {
            fail(GRPCStatus(.internal, "the request is not a valid \(Request.protoMessageName) message: \(error)"))
            return nil
        }
    }

    func reply(_ message: some Message) {
        message.withSerializedBytes { reply($0) }
    }

    /// An empty message, as `google.protobuf.Empty` is.
    func replyEmpty() { reply(UnsafeRawBufferPointer(start: nil, count: 0)) }

    func fail(_ error: APIError) {
        activity?.live?.errorCode = error.errorCode
        fail(error.grpcStatus)
    }

    /// CLOCK_MONOTONIC nanoseconds, 0 for none.
    var deadlineNanoseconds: Int64 { deadline.map { Int64($0.uptimeNanoseconds) } ?? 0 }
}

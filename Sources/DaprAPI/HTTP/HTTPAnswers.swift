import NIOCore
import Transport

extension HTTPRequest {
    func respond(json bytes: [UInt8], status: Int = 200, headers: [(String, String)] = []) {
        respond(
            status: status, headers: [("content-type", "application/json")] + headers, body: ByteBuffer(bytes: bytes))
    }

    func respondNoContent() { respond(status: 204) }

    func fail(_ error: APIError) {
        activity?.live?.errorCode = error.errorCode
        let retry = error.retryAfterSeconds.map { [("retry-after", String($0))] } ?? []
        respond(json: error.json, status: error.status, headers: retry)
    }

    func failMalformed(_ cause: String) {
        fail(
            APIError(
                .invalidArgument, "failed deserializing HTTP body: \(cause)", status: 400,
                errorCode: "ERR_MALFORMED_REQUEST"))
    }

    /// The body's bytes, for the time of `body`.
    func withBody<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        self.body.withUnsafeReadableBytes { body($0) }
    }
}

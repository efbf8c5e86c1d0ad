import COctavo
package import Components
import JSONText
import NIOCore
import Transport

/// Why a request got no further than a filter.
struct MiddlewareFailure: Error {
    var status: Int
    var message: String

    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }

    /// `isAnswer`: the request was through already.
    init(_ error: CallError, _ handler: MiddlewareHandler, in pipeline: String) {
        switch error.code {
        case OCTAVO_CODE_UNAVAILABLE, OCTAVO_CODE_DEADLINE_EXCEEDED, OCTAVO_CODE_RESOURCE_EXHAUSTED, OCTAVO_CODE_CANCELLED: status = 503
        default: status = 500
        }
        message = "the \(handler.description) of \(pipeline) failed, so the request goes no further: \(error.message)"
    }

    static func missing(_ handler: MiddlewareHandler, in pipeline: String, _ cause: String) -> MiddlewareFailure {
        MiddlewareFailure(500, "the \(handler.description) of \(pipeline) can't be asked, so no request passes: \(cause)")
    }

    /// In the form of the API.
    func answer(to message: HTTPMessage) -> HTTPMessage {
        var writer = JSONWriter(JSONWriter.Style(escapesHTML: true))
        writer.beginObject()
        writer.member("errorCode", "ERR_MIDDLEWARE")
        writer.member("message", self.message)
        writer.endObject()
        return HTTPMessage(
            method: message.method, target: message.target, headers: HeaderFields([("content-type", "application/json")]), status: status,
            body: ByteBuffer(bytes: writer.bytes))
    }
}

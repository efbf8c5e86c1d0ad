import JSONText
import NIOCore
import Tracing
package import Transport

/// What other runtimes ask of this one: calls of its app. On one event loop.
package final class InternalHandler: HTTPHandler {
    private let loop: InvocationLoop

    package let observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)?

    /// `observe` is told of every request that has ended.
    package init(_ loop: InvocationLoop, observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? = nil) {
        self.loop = loop
        self.observe = observe
    }

    package func open(_ request: HTTPRequest) -> HTTPBodyMode {
        if request.begunAt != 0 {
            let activity = loop.tracer.begin(parent: TraceContext(request.headers), startedAt: request.begunAt)
            activity.live?.tellsCaller = false
            activity.live?.note(app: loop.appID, method: request.target)
            request.activity = activity
        }
        do throws(InvocationFailure) {
            let (caller, path) = try loop.admit(
                InboundCall(uris: request.peerURIs, headers: request.headers, path: request.target, verb: request.method))
            return loop.receive(request, path: path, from: caller, fail: Self.failPeer)
        } catch {
            Self.failPeer(request, error)
            return .buffered
        }
    }

    package func handle(_ request: HTTPRequest) {}

    package func reject(_ request: HTTPRequest, status: Int, message: String) {
        Self.answer(request, status, message)
    }

    /// gRPC calls go through unchanged.
    package func register(_ router: GRPCRouter) {
        router.fallback = { [loop] call in
            if call.begunAt != 0 {
                let activity = loop.tracer.begin(parent: TraceContext(metadata: call.metadata), startedAt: call.begunAt)
                activity.live?.target = loop.appID
                activity.live?.isInvocation = true
                call.activity = activity
            }
            do throws(InvocationFailure) {
                let (caller, _) = try loop.admit(InboundCall(uris: call.peerURIs, headers: call.metadata, path: call.path, verb: nil))
                return loop.receive(call, from: caller)
            } catch {
                call.fail(error.grpcStatus)
                return nil
            }
        }
    }

    /// The runtime of a gRPC caller learns the status, too, so that its app does not take it for an answer of the callee.
    private static func failPeer(_ request: HTTPRequest, _ failure: InvocationFailure) {
        let wish = request.headers[StatusFields.wish]
        answer(request, failure.httpStatus, failure.message, wish == nil ? [] : StatusFields.fields(failure.grpcStatus))
    }

    /// As Dapr's API answers; whoever called passes it on.
    package static func fail(_ request: HTTPRequest, _ failure: InvocationFailure) {
        answer(request, failure.httpStatus, failure.message, failure.retryAfter.map { [("retry-after", "\($0)")] } ?? [])
    }

    private static func answer(_ request: HTTPRequest, _ status: Int, _ message: String, _ fields: [(String, String)] = []) {
        var writer = JSONWriter(JSONWriter.Style(escapesHTML: true))
        writer.beginObject()
        writer.member("errorCode", "ERR_DIRECT_INVOKE")
        writer.member("message", message)
        writer.endObject()
        request.respond(status: status, headers: [("content-type", "application/json")] + fields, body: ByteBuffer(bytes: writer.bytes))
    }
}

extension InvocationFailure {
    /// Source: Dapr's answers to calls that reach no app.
    package var httpStatus: Int {
        switch self {
        case .noTarget: 404
        case .badTarget: 400
        case .denied: 403
        case .unresolved, .unreachable, .noAppChannel: 500
        case .noWebSocket: 501
        case .overloaded: 503
        case .timeout: 504
        // Source: Dapr, in which an open breaker is an error like any other.
        case .breakerOpen: 500
        case .rateLimited: 429
        case .fault(_, let status, _): status
        }
    }
}

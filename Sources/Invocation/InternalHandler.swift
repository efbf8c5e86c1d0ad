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
        guard let callee = request.headers["dapr-callee-app-id" as StaticString], callee == loop.appID else {
            Self.fail(request, .badTarget(cause: Self.mistaken(request.headers["dapr-callee-app-id" as StaticString], loop.appID)))
            return .buffered
        }
        if request.begunAt != 0 {
            let activity = loop.tracer.begin(parent: TraceContext(request.headers), startedAt: request.begunAt)
            activity.live?.tellsCaller = false
            activity.live?.note(app: loop.appID, method: request.target)
            request.activity = activity
        }
        return loop.receive(request, path: request.target, from: .runtime, fail: Self.fail)
    }

    package func handle(_ request: HTTPRequest) {}

    package func reject(_ request: HTTPRequest, status: Int, message: String) {
        Self.answer(request, status, message)
    }

    /// gRPC calls go through unchanged.
    package func register(_ router: GRPCRouter) {
        router.fallback = { [loop] call in
            let callee = call.metadata("dapr-callee-app-id" as StaticString)
            guard callee == loop.appID else {
                call.fail(GRPCStatus(.invalidArgument, Self.mistaken(callee, loop.appID)))
                return nil
            }
            if call.begunAt != 0 {
                let activity = loop.tracer.begin(parent: TraceContext(metadata: call.metadata), startedAt: call.begunAt)
                activity.live?.target = loop.appID
                activity.live?.isInvocation = true
                call.activity = activity
            }
            return loop.receive(call, from: .runtime)
        }
    }

    private static func mistaken(_ callee: String?, _ own: String) -> String {
        callee.map { "the call is for app \($0.prefix(80)), and this is the runtime of app \(own)" }
            ?? "the call does not say which app it is for (dapr-callee-app-id); this port is for other runtimes"
    }

    /// As Dapr's API answers; whoever called passes it on.
    package static func fail(_ request: HTTPRequest, _ failure: InvocationFailure) { answer(request, failure.httpStatus, failure.message) }

    private static func answer(_ request: HTTPRequest, _ status: Int, _ message: String) {
        var writer = JSONWriter(JSONWriter.Style(escapesHTML: true))
        writer.beginObject()
        writer.member("errorCode", "ERR_DIRECT_INVOKE")
        writer.member("message", message)
        writer.endObject()
        request.respond(status: status, headers: [("content-type", "application/json")], body: ByteBuffer(bytes: writer.bytes))
    }
}

extension InvocationFailure {
    /// Source: Dapr's answers to calls that reach no app.
    package var httpStatus: Int {
        switch self {
        case .noTarget: 404
        case .badTarget: 400
        case .unresolved, .unreachable, .noAppChannel: 500
        case .overloaded: 503
        case .timeout: 504
        }
    }
}

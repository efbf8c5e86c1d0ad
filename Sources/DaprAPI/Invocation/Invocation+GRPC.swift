import DaprProtos
import Invocation
import NIOCore
import ProtoWire
import Transport

extension DaprAPI {
    func registerInvocation(_ router: GRPCRouter) {
        method(router, "InvokeService", "invoke", "v1") { api, call, bytes in api.invokeService(call, bytes) }
        router.fallback = { [self] call in proxy(call) }
    }

    /// A service that this runtime does not have is another app's. Source: Dapr's gRPC proxying.
    private func proxy(_ call: GRPCCall) -> (any GRPCStreamReceiver)? {
        follow(call)
        guard facts.apiRules.permits("invoke", "v1", wire: "grpc"), let invocation,
            let name = call.metadata("dapr-callee-app-id" as StaticString) ?? call.metadata("dapr-app-id" as StaticString)
        else { return nil }
        do throws(InvocationFailure) {
            // Its messages go on as they come.
            call.activity?.live?.move(to: .runtime, at: call.begunAt)
            return invocation.relay(call, to: try AppName(name, default: invocation.namespace))
        } catch {
            call.fail(error.grpcStatus)
            return nil
        }
    }

    private func invokeService(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_InvokeServiceRequest.self) else { return }
        guard let invocation else {
            return call.fail(GRPCStatus(.unimplemented, "this runtime takes no part in service invocation"))
        }
        do throws(InvocationFailure) {
            guard !request.id.isEmpty else { throw .noTarget(cause: "the request names no app (id)") }
            let callee = try InvocationTarget.callee(request.id, invocation.namespace)
            let endpoint: InvocationLoop.CalledEndpoint? =
                switch callee {
                case .url(let url): try invocation.endpoint(at: url)
                case .app(let name): invocation.endpoint(named: name.id)
                }
            let message = request.message
            var path = "/" + message.method.drop { $0 == "/" }
            if endpoint == nil { path = try MethodPath.cleaned(path) }
            if !message.httpExtension.querystring.isEmpty { path += "?" + message.httpExtension.querystring }
            call.activity?.live?.note(app: request.id, method: message.method)
            var fields = ForwardedFields.request(call.metadata, keepsCaller: false, for: call.activity).pairs.filter { !$0.0.hasPrefix("grpc-") && $0.0 != "content-type" }
            if !message.contentType.isEmpty { fields.append(("content-type", message.contentType)) }
            let left = call.deadline.map { Duration.nanoseconds(max(($0 - .now()).nanoseconds, 1)) }
            let unary = UnaryInvocation(
                method: message.httpExtension.verb.word ?? "POST", path: path, fields: fields,
                body: ByteBuffer(bytes: message.data.value), timeout: left)
            let done: UnaryInvocation.Done = { [self] result in
                switch result {
                case .failure(let failure): call.fail(failure.grpcStatus)
                case .success(let answer): answered(call, answer)
                }
            }
            if let endpoint { return invocation.call(endpoint, unary, done) }
            if case .app(let name) = callee { invocation.call(name, unary, done) }
        } catch {
            call.fail(error.grpcStatus)
        }
    }

    private func answered(_ call: GRPCCall, _ answer: UnaryInvocation.Answer) {
        if let status = answer.grpc { return call.fail(status) }
        for (name, value) in answer.fields where name != "content-type" && name != "content-length" {
            call.addInitialMetadata(name, value)
        }
        call.addInitialMetadata("dapr-http-status", String(answer.status))
        let code = GRPCCode(httpStatus: answer.status)
        guard code == .ok else {
            var error = APIError(
                code, Self.reason(answer.status), reason: "ERR_DIRECT_INVOKE", status: answer.status, errorCode: "ERR_DIRECT_INVOKE")
            let body = answer.body.readableBytesView.prefix(4096)
            error.info = ["http.code": String(answer.status), "http.error_message": String(decoding: body, as: UTF8.self)]
            return call.fail(error.grpcStatus)
        }
        var response = Dapr_Proto_Common_V1_InvokeResponse()
        response.data.value = Array(answer.body.readableBytesView)
        response.contentType = answer.field("content-type") ?? ""
        call.reply(response)
    }

    /// The words of a status (RFC 9110 §15), which is what Dapr's error says.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "the app answered with status \(status)"
        }
    }
}

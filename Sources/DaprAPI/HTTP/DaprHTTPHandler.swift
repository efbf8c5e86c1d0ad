import BuildingBlocks
import NIOCore
package import Transport

/// Dapr's HTTP API on one event loop.
package final class DaprHTTPHandler: HTTPHandler {
    package let api: DaprAPI
    private let token: [UInt8]?
    package let observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)?

    /// `observe` is told of every request that has ended.
    package init(
        _ api: DaprAPI, observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? = nil
    ) {
        self.observe = observe
        self.api = api
        token = api.facts.apiToken.map { Array($0.utf8) }
    }

    /// Bodies of encryption and decryption are worked on as they come. Whatever is wrong with such a request is left to
    /// `handle`, but for what only a body that comes in parts can have.
    package func open(_ request: HTTPRequest) -> HTTPBodyMode {
        api.follow(request)
        if request.offersWebSocket, !hasToken(request) {
            refuseToken(request)
            return .buffered
        }
        return api.tracer.with(request.activity) { mode(of: request) }
    }

    private func mode(of request: HTTPRequest) -> HTTPBodyMode {
        if InvocationTarget.isMeant(request), hasToken(request), api.facts.apiRules.permits("invoke", "v1", wire: "http") {
            return api.openInvocation(request)
        }
        guard request.method == "PUT", request.target.hasPrefix("/v1.0-alpha1/crypto/"), hasToken(request),
            api.facts.apiRules.permits("crypto", "v1alpha1", wire: "http"), let target = try? RequestTarget(request.target),
            let receiver = api.openCrypto(request, target)
        else { return .buffered }
        return .streamed(receiver)
    }

    /// Whether the caller has shown the token, if one is asked for.
    package func hasToken(_ request: HTTPRequest) -> Bool {
        guard let token else { return true }
        return request.headers.withValue("dapr-api-token", { constantTimeEqual($0, token) }) ?? false
    }

    package func handle(_ request: HTTPRequest) {
        let target: RequestTarget
        do throws(RequestTarget.Malformed) {
            target = try RequestTarget(request.target)
        } catch {
            request.respond(
                status: 400, headers: [("content-type", "text/plain; charset=utf-8")],
                body: ByteBuffer(string: error.message + "\n"))
            return
        }
        guard hasToken(request) || isHealth(target, request) else {
            return refuseToken(request)
        }
        request.activity?.live?.move(to: .runtime)
        api.tracer.with(request.activity) {
            if !route(request, target) { unknown(request, target) }
        }
    }

    private func refuseToken(_ request: HTTPRequest) {
        request.respond(
            status: 401, headers: [("content-type", "text/plain; charset=utf-8")], body: ByteBuffer(string: "invalid api token\n"))
    }

    package func reject(_ request: HTTPRequest, status: Int, message: String) {
        let code = status == 413 ? "ERR_BODY_READ" : status == 400 ? "ERR_BAD_REQUEST" : "ERROR"
        request.fail(APIError(.invalidArgument, message, status: status, errorCode: code))
    }

    /// Whether the runtime's health is asked for, by its plain path.
    package func isHealth(_ request: HTTPRequest) -> Bool {
        guard request.method == "GET" else { return false }
        let path = request.target.prefix { $0 != "?" }
        return path == "/v1.0/healthz" || path == "/v1.0/healthz/outbound"
    }

    private func isHealth(_ target: RequestTarget, _ request: HTTPRequest) -> Bool {
        request.method == "GET"
            && (target.segments == ["v1.0", "healthz"] || target.segments == ["v1.0", "healthz", "outbound"])
    }

    /// Whether a route took the request.
    private func route(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        let path = target.segments
        guard path.count >= 2 else { return false }
        switch (path[0], path[1]) {
        case ("v1.0", "state"):
            return api.facts.apiRules.permits("state", "v1", wire: "http") && api.routeState(request, target)
        case ("v1.0-alpha1", "state"):
            return api.facts.apiRules.permits("state", "v1alpha1", wire: "http") && api.routeStateQuery(request, target)
        case ("v1.0", "secrets"):
            return api.facts.apiRules.permits("secrets", "v1", wire: "http") && api.routeSecrets(request, target)
        case ("v1.0", "publish"):
            return api.facts.apiRules.permits("publish", "v1", wire: "http") && api.routePublish(request, target)
        case ("v1.0-alpha1", "publish"):
            return path.count > 2 && path[2] == "bulk" && api.facts.apiRules.permits("publish", "v1alpha1", wire: "http")
                && api.routePublish(request, target)
        case ("v1.0-alpha1", "lock"):
            return api.facts.apiRules.permits("lock", "v1alpha1", wire: "http") && api.routeLock(request, target)
        case ("v1.0-alpha1", "unlock"):
            return api.facts.apiRules.permits("unlock", "v1alpha1", wire: "http") && api.routeUnlock(request, target)
        case ("v1.0", "configuration"):
            return api.facts.apiRules.permits("configuration", "v1", wire: "http") && api.routeConfiguration(request, target)
        case ("v1.0-alpha1", "configuration"):
            return api.facts.apiRules.permits("configuration", "v1alpha1", wire: "http")
                && api.routeConfiguration(request, target)
        case ("v1.0-alpha1", "crypto"):
            return api.facts.apiRules.permits("crypto", "v1alpha1", wire: "http") && api.routeCrypto(request, target)
        case ("v1.0-alpha1", "subtlecrypto"):
            return api.facts.apiRules.permits("subtlecrypto", "v1alpha1", wire: "http")
                && api.routeSubtleCrypto(request, target)
        case ("v1.0", "bindings"):
            return api.facts.apiRules.permits("bindings", "v1", wire: "http") && api.routeBindings(request, target)
        case ("v1.0", "metadata"):
            return api.facts.apiRules.permits("metadata", "v1", wire: "http") && api.routeMetadata(request, target)
        case ("v1.0", "healthz"): return api.routeHealth(request, target)
        case ("v1.0", "shutdown"):
            guard api.facts.apiRules.permits("shutdown", "v1", wire: "http"), path.count == 2, request.method == "POST"
            else { return false }
            request.respondNoContent()
            api.facts.shutdown(force: request.headers["dapr-force-shutdown" as StaticString] == "true")
            return true
        default: return false
        }
    }

    /// What no route matches is taken for a service invocation; without a target app that is not found.
    private func unknown(_ request: HTTPRequest, _ target: RequestTarget) {
        request.fail(
            APIError(
                .notFound,
                "failed getting app id either from the URL path or the header dapr-app-id: no route of the API "
                    + "matches \(request.method) /\(target.segments.joined(separator: "/"))",
                status: 404, errorCode: "ERR_DIRECT_INVOKE"))
    }
}

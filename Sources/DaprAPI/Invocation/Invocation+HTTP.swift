import Invocation
import Transport

extension DaprAPI {
    /// Takes an invocation as its head comes in.
    func openInvocation(_ request: HTTPRequest) -> HTTPBodyMode {
        do throws(InvocationFailure) {
            if request.offersWebSocket { try checkOrigin(request) }
            let target = try InvocationTarget(request, namespace: invocation?.namespace ?? "")
            guard let invocation else { throw .unreachable(app: "", cause: "this runtime takes no part in service invocation") }
            switch target.callee {
            case .url(let url):
                return invocation.relay(request, to: try invocation.endpoint(at: url), path: target.method, fail: InternalHandler.fail)
            case .app(let name):
                if let endpoint = invocation.endpoint(named: name.id) {
                    return invocation.relay(request, to: endpoint, path: target.method, fail: InternalHandler.fail)
                }
                return invocation.relay(request, to: name, path: try target.path(), fail: InternalHandler.fail)
            }
        } catch {
            InternalHandler.fail(request, error)
            return .buffered
        }
    }

    /// Browsers open WebSockets from any page and ask nobody (RFC 6455 §10.2): without this a page could talk to apps for its visitor.
    private func checkOrigin(_ request: HTTPRequest) throws(InvocationFailure) {
        guard let origin = request.headers["origin" as StaticString], !origins.allows(origin) else { return }
        let host = (request.headers["host" as StaticString] ?? "").lowercased()
        if ["http://", "https://"].contains(where: { origin.lowercased() == $0 + host }) { return }
        throw .denied(cause: "a page of \(origin) may not open WebSockets here: name its origin in --allowed-origins")
    }
}

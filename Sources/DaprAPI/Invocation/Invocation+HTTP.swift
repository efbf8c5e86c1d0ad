import Invocation
import Transport

extension DaprAPI {
    /// Takes an invocation as its head comes in.
    func openInvocation(_ request: HTTPRequest) -> HTTPBodyMode {
        do throws(InvocationFailure) {
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
}

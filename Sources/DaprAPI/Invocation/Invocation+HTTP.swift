import Invocation
import Transport

extension DaprAPI {
    /// Takes an invocation as its head comes in.
    func openInvocation(_ request: HTTPRequest) -> HTTPBodyMode {
        guard let invocation else {
            InternalHandler.fail(request, .unreachable(app: "", cause: "this runtime takes no part in service invocation"))
            return .buffered
        }
        do throws(InvocationFailure) {
            let target = try InvocationTarget(request, namespace: invocation.namespace)
            return invocation.relay(request, to: target.app, path: target.path, fail: InternalHandler.fail)
        } catch {
            InternalHandler.fail(request, error)
            return .buffered
        }
    }
}

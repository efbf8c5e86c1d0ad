import Invocation
import Transport

extension DaprAPI {
    /// Takes an invocation as its head comes in.
    func openInvocation(_ request: HTTPRequest) -> HTTPBodyMode {
        do throws(InvocationFailure) {
            let target = try InvocationTarget(request, namespace: invocation?.namespace ?? "")
            guard let invocation else {
                throw .unreachable(app: target.app.description, cause: "this runtime takes no part in service invocation")
            }
            return invocation.relay(request, to: target.app, path: target.path, fail: InternalHandler.fail)
        } catch {
            InternalHandler.fail(request, error)
            return .buffered
        }
    }
}

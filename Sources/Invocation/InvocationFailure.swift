/// Why an app was not called, or its answer did not come.
package enum InvocationFailure: Error, Sendable, Equatable {
    /// Neither the path nor a header names an app.
    case noTarget(cause: String)
    /// What names the app or its method can't be taken.
    case badTarget(cause: String)
    /// Who calls may not, or is not who it says.
    case denied(cause: String)
    /// Nobody knows where the app is.
    case unresolved(app: String, cause: String)
    /// No instance of the app took the call, or one broke off.
    case unreachable(app: String, cause: String)
    /// This is the app's runtime, and it has not been told where the app listens.
    case noAppChannel(app: String)
    /// The call is to become a WebSocket, which the app, or a runtime on the way, does not do.
    case noWebSocket(app: String, cause: String)
    /// Too many calls wait for the app already.
    case overloaded(app: String, cause: String)
    /// The call took longer than it may.
    case timeout(app: String, cause: String)
    /// The app's calls have failed, and are stopped for a while.
    case breakerOpen(app: String, retryAfter: Int?)
    /// There have been too many calls in a short time.
    case rateLimited(app: String, retryAfter: Int?)
    /// The call was made to fail on purpose.
    case fault(app: String, http: Int, grpc: Int)

    /// A sentence for the caller.
    package var message: String {
        switch self {
        case .noTarget(let cause), .badTarget(let cause), .denied(let cause): cause
        case .unresolved(let app, let cause): "failed to resolve the address of app \(app): \(cause)"
        case .unreachable(let app, let cause): "failed to invoke app \(app): \(cause)"
        case .noAppChannel(let app):
            "the runtime of app \(app) has no way to its app: start it with --app-port"
        case .noWebSocket(let app, let cause): "app \(app) takes no WebSockets: \(cause)"
        case .overloaded(let app, let cause): "app \(app) takes no more calls: \(cause)"
        case .timeout(let app, let cause): "app \(app) did not answer in time: \(cause)"
        // Source: the words of Dapr, for which clients look.
        case .breakerOpen(let app, _): "failed to invoke app \(app): circuit breaker is open"
        case .rateLimited(let app, _): "the rate limit of calls to app \(app) is reached"
        case .fault(let app, _, _): "a fault was injected into the call of app \(app)"
        }
    }

    /// Seconds after which it is worth another try; nil when nobody knows.
    package var retryAfter: Int? {
        switch self {
        case .breakerOpen(_, let time), .rateLimited(_, let time): time
        default: nil
        }
    }
}

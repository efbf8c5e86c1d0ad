package import Transport

/// A handler behind a pipeline.
package final class MiddlewareHTTPHandler: HTTPHandler {
    private let pipeline: MiddlewarePipeline
    private let inner: any HTTPHandler
    private let passes: (HTTPRequest) -> Bool
    private let begin: (HTTPRequest) -> Void

    /// `passes`: which requests go to `inner` at once. `begin` is told of each of the others.
    package init(
        _ pipeline: MiddlewarePipeline, _ inner: any HTTPHandler, begin: @escaping (HTTPRequest) -> Void,
        passes: @escaping (HTTPRequest) -> Bool
    ) {
        self.begin = begin
        self.pipeline = pipeline
        self.inner = inner
        self.passes = passes
    }

    package var observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? { inner.observe }

    package func open(_ request: HTTPRequest) -> HTTPBodyMode {
        if passes(request) { return inner.open(request) }
        begin(request)
        return pipeline.open(request, target: PlainTarget.of(request.target), headers: request.headers, to: inner)
    }

    /// Of those that pass.
    package func handle(_ request: HTTPRequest) { inner.handle(request) }

    package func reject(_ request: HTTPRequest, status: Int, message: String) { inner.reject(request, status: status, message: message) }
}

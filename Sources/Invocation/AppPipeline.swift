import Governance
import Middleware
import Transport

/// Calls of this runtime's app that go through a pipeline first.
extension InvocationLoop {
    /// `fields`: what the app gets, which is what filters see. They do not see its token.
    func receive(
        _ request: HTTPRequest, _ path: String, _ fields: HeaderFields, by pipeline: MiddlewarePipeline, _ app: any InvokedApp,
        _ passage: Passage?, _ fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        let handler = OpeningHandler(
            refuse: { request, status, message in request.respond(status: status, headers: [("content-type", "text/plain")], body: .init(string: message)) },
            take: { [self] inner in
                // As the filters have left them.
                relay(inner, inner.target, AppRoute(app, appID, ForwardedFields.request(inner.headers, keepsCaller: true)), passage, fail)
            })
        return pipeline.open(request, target: path, headers: fields, to: handler)
    }

    func call(
        _ invocation: UnaryInvocation, by pipeline: MiddlewarePipeline, _ app: any InvokedApp, _ done: @escaping UnaryInvocation.Done
    ) {
        let message = HTTPMessage(
            method: invocation.method, target: invocation.path, headers: HeaderFields(invocation.fields).withoutFraming, body: invocation.body)
        var failure: InvocationFailure?
        pipeline.call(message) { [self] message, answered in
            var invocation = invocation
            invocation.path = message.target
            invocation.fields = message.headers.pairs
            invocation.body = message.body ?? .init()
            call(invocation, app) { result in
                switch result {
                case .success(let answer):
                    answered(
                        HTTPMessage(
                            method: message.method, target: message.target, headers: HeaderFields(answer.fields).withoutFraming,
                            status: answer.status, body: answer.body))
                case .failure(let error):
                    failure = error
                    done(.failure(error))
                }
            }
        } done: { answer in
            guard failure == nil else { return }
            done(.success(.init(status: answer.status, fields: answer.headers.pairs, body: answer.body ?? .init())))
        }
    }
}

import COctavo
package import Components
package import Transport

/// The filters that requests go through on one event loop. Each is a component, asked wherever that component runs; a request whose
/// filter can't be asked goes no further. Used on that loop alone.
package final class MiddlewarePipeline {
    package let settings: MiddlewareSettings
    private let loop: CallLoop

    /// nil: there is nothing to go through.
    package init?(_ settings: MiddlewareSettings, loop: CallLoop) {
        if settings.handlers.isEmpty { return nil }
        self.settings = settings
        self.loop = loop
    }

    /// The filter at a place, as it is now.
    func component(_ handler: MiddlewareHandler) throws(MiddlewareFailure) -> ComponentRef {
        guard let ref = loop.component(named: handler.name) else {
            throw .missing(handler, in: settings.pipeline, "no component has that name; add one to the resources")
        }
        guard ref.kind == OCTAVO_KIND_FILTER, ref.type.lowercased() == handler.type.lowercased() else {
            throw .missing(handler, in: settings.pipeline, "the component of that name is of the type \(ref.type)")
        }
        return ref
    }

    /// Takes a request through the filters, to `handler` and its answer back. To be called from `HTTPHandler.open`, with its result.
    package func open(_ request: HTTPRequest, target: String, headers: HeaderFields, to handler: any HTTPHandler) -> HTTPBodyMode {
        InspectedExchange.open(
            request, target: target, headers: headers, inspector: FilterRun(self, peer: request.peer?.ipAddress), handler: handler)
    }

    /// The same for a request that is a whole already; `next` is where it goes, `done` gets its answer.
    package func call(
        _ message: HTTPMessage, next: @escaping (_ message: HTTPMessage, _ answered: @escaping (HTTPMessage) -> Void) -> Void,
        done: @escaping (HTTPMessage) -> Void
    ) {
        let run = FilterRun(self, peer: nil)
        run.prepare { _ in
            run.inspect(request: message) { verdict in
                switch verdict {
                case .answer(let answer): done(answer)
                case .goOn(let message): next(message) { run.inspect(answer: $0, done) }
                }
            }
        }
    }
}

/// Hands a request that has come through a pipeline to who takes it as its head comes in.
package final class OpeningHandler: HTTPHandler {
    private let take: (HTTPRequest) -> HTTPBodyMode
    private let refuse: (HTTPRequest, _ status: Int, _ message: String) -> Void

    package init(refuse: @escaping (HTTPRequest, Int, String) -> Void, take: @escaping (HTTPRequest) -> HTTPBodyMode) {
        self.take = take
        self.refuse = refuse
    }

    package func open(_ request: HTTPRequest) -> HTTPBodyMode { take(request) }
    package func handle(_ request: HTTPRequest) {}
    package func reject(_ request: HTTPRequest, status: Int, message: String) { refuse(request, status, message) }
}

/// One place in a pipeline, as the configuration has it.
package struct MiddlewareHandler: Sendable, Equatable {
    /// Of a component.
    package var name: String
    /// What that component must be: `middleware.http.bearer`.
    package var type: String

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }

    package var description: String { "middleware \(name) (\(type))" }
}

/// What is on the way of a kind of requests.
package struct MiddlewareSettings: Sendable, Equatable {
    /// `httpPipeline` or `appHttpPipeline`, for messages.
    package var pipeline: String
    /// The first is outermost: it sees requests first and answers last.
    package var handlers: [MiddlewareHandler]

    package init(pipeline: String, handlers: [MiddlewareHandler]) {
        self.pipeline = pipeline
        self.handlers = handlers
    }
}

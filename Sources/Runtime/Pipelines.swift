import Components
import DaprAPI
import Invocation
import Middleware
import Resources
import Transport

/// What requests go through, by the configuration.
struct Pipelines: Sendable {
    /// Before the HTTP API.
    var api = MiddlewareSettings(pipeline: "httpPipeline", handlers: [])
    /// Before the app, when other apps call it by HTTP.
    var app = MiddlewareSettings(pipeline: "appHttpPipeline", handlers: [])

    init() {}

    init(_ read: ConfigurationResource) {
        api.handlers = read.httpPipeline.map { MiddlewareHandler(name: $0.name, type: $0.type) }
        app.handlers = read.appHTTPPipeline.map { MiddlewareHandler(name: $0.name, type: $0.type) }
    }

    /// Why requests fail for now, for readiness to say. `waited`: components that readiness waits for already. `mistaken`: those of the
    /// problems that do not go by themselves.
    func problems(_ facts: [ComponentFacts], waited: [String]) -> (all: [String], mistaken: [String]) {
        var problems: (all: [String], mistaken: [String]) = ([], [])
        for settings in [api, app] {
            for handler in settings.handlers {
                let title = "\(settings.pipeline), \(handler.description): "
                guard let found = facts.first(where: { $0.name == handler.name }) else {
                    problems.mistaken.append(title + "no component has that name; add one to the resources")
                    continue
                }
                if found.type.lowercased() != handler.type.lowercased() {
                    problems.mistaken.append(title + "the component of that name is of the type \(found.type)")
                } else if !found.isReady, found.startMode != .lazy, !waited.contains(found.name) {
                    problems.all.append(title + "the component is \(found.state)" + (found.reason.isEmpty ? "" : ": \(found.reason)"))
                }
            }
        }
        problems.all += problems.mistaken
        return problems
    }
}

extension Pipelines {
    /// The API behind its pipeline; as it is without one. Health can be asked for whatever a pipeline says, and who lacks the API's token
    /// gets no further than the API, but for browsers, which ask without one whether they may ask (CORS).
    static func handler(_ handler: DaprHTTPHandler, _ settings: MiddlewareSettings, _ loop: CallLoop) -> any HTTPHandler {
        guard let pipeline = MiddlewarePipeline(settings, loop: loop) else { return handler }
        return MiddlewareHTTPHandler(pipeline, handler, begin: { handler.api.follow($0) }) { request in
            handler.isHealth(request) || (request.method != "OPTIONS" && !handler.hasToken(request))
        }
    }
}

import BuildingBlocks
package import Certificates
package import Components
import NIOCore
import Tracing
package import Transport

/// Service invocation on one event loop: calls other apps through their runtimes, and this runtime's own app. Used on that
/// loop alone.
package final class InvocationLoop {
    package let appID: String
    package let namespace: String
    let client: ClientLoop
    /// nil: this runtime has no app to call.
    let app: (any InvokedApp)?
    /// nil: runtimes believe what others say of themselves.
    private(set) var security: InvocationSecurity?
    /// Which calls of others the app takes; nil: all.
    let access: AccessControl?
    private let resolution: NameResolution
    let tracer: LoopTracer
    private let endpoints: Endpoints
    private var known: [AppName: AppPeers] = [:]

    /// Apps whose addresses are kept; callers choose the names.
    private static let knownLimit = 1024

    /// `resolver`: the name of the component that knows where apps are.
    package init(
        loop: CallLoop, appID: String, namespace: String, resolver: String, app: (any InvokedApp)?, limits: ClientLimits = ClientLimits(),
        security: InvocationSecurity? = nil, access: AccessControl? = nil
    ) {
        self.security = security
        self.access = access
        self.appID = appID
        self.namespace = namespace
        self.app = app
        client = ClientLoop(eventLoop: loop.eventLoop, limits: limits)
        tracer = loop.tracer
        endpoints = Endpoints(client)
        resolution = NameResolution(loop, component: resolver)
    }

    func isOwn(_ name: AppName) -> Bool { name.id == appID && name.namespace == namespace }

    func peers(_ name: AppName) -> AppPeers {
        if let found = known[name] { return found }
        if known.count >= Self.knownLimit {
            for (name, peers) in known where peers.isIdle {
                peers.close()
                known[name] = nil
            }
        }
        let made = AppPeers(name, resolution, client, security)
        known[name] = made
        return made
    }

    /// Other certificates and other trust from now on; what is in flight goes on.
    package func use(_ security: InvocationSecurity) {
        self.security = security
        for peers in known.values { peers.use(security) }
    }

    /// The servers that are no apps and have names, in place of those before; what is under way goes on.
    package func set(endpoints all: [EndpointSettings]) { endpoints.set(all) }

    /// Closes the connections to other runtimes.
    package func close() {
        endpoints.close()
        for peers in known.values { peers.close() }
        known = [:]
    }

    // MARK: Calls of the app

    /// Takes a request of this runtime's app to another app, as its head comes in. `path`: method and query, with a leading
    /// slash. `fail` answers the request in the form of the API.
    package func relay(
        _ request: HTTPRequest, to name: AppName, path: String, fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        request.activity?.live?.note(app: name.description, method: path)
        if isOwn(name) { return receive(request, path: path, from: .own(self), fail: fail) }
        return relay(request, path, PeerRoute(self, name), fail)
    }

    /// A server that is no app by its name, unless nobody has given it that.
    package func endpoint(named name: String) -> CalledEndpoint? {
        endpoints.named(name).map { CalledEndpoint(endpoint: $0, path: $0.settings.address.path) }
    }

    /// A server by its URL.
    package func endpoint(at url: String) throws(InvocationFailure) -> CalledEndpoint {
        let (endpoint, path) = try endpoints.at(url)
        return CalledEndpoint(endpoint: endpoint, path: path)
    }

    /// Takes a request to a server that is no app. `path`: behind the server's own.
    package func relay(
        _ request: HTTPRequest, to called: CalledEndpoint, path: String, fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        if let refusal = called.endpoint.settings.refusal {
            fail(request, .unreachable(app: called.endpoint.settings.name, cause: refusal))
            return .buffered
        }
        request.activity?.live?.note(app: called.endpoint.settings.name, method: path)
        return relay(request, called.path + path, EndpointRoute(called.endpoint), fail)
    }

    /// Calls a server that is no app, once.
    package func call(_ called: CalledEndpoint, _ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        let endpoint = called.endpoint
        if let refusal = endpoint.settings.refusal {
            return done(.failure(.unreachable(app: endpoint.settings.name, cause: refusal)))
        }
        endpoint.enter()
        let activity = tracer.current
        activity?.live?.move(to: .peer)
        let request = HTTPClientRequest(
            method: invocation.method, target: called.path + invocation.path, fields: endpoint.fields(HeaderFields(invocation.fields), for: activity),
            body: invocation.body.readableBytes > 0 ? invocation.body : nil, timeout: invocation.timeout)
        endpoint.client.send(request) { result in
            endpoint.leave()
            activity?.live?.move(to: .answered)
            done(result.mapError { InvocationFailure($0, app: endpoint.settings.name) }.map { UnaryInvocation.Answer($0) })
        }
    }

    /// A server that is no app, with the beginning of the path that a call has.
    package struct CalledEndpoint {
        let endpoint: Endpoint
        let path: String
    }

    /// Takes a gRPC call of this runtime's app to another app.
    package func relay(_ call: GRPCCall, to name: AppName) -> any GRPCStreamReceiver {
        if let live = call.activity?.live, live.target.isEmpty {
            live.target = name.description
            live.isInvocation = true
        }
        if isOwn(name) { return receive(call, from: .own(self)) }
        let relay = GRPCRelay(call, PeerCallRoute(self, name))
        relay.start()
        return relay
    }

    // MARK: Calls of other apps

    /// Takes a request to this runtime's own app.
    package func receive(
        _ request: HTTPRequest, path: String, from caller: Caller, fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        guard let app else {
            fail(request, .noAppChannel(app: appID))
            return .buffered
        }
        if app.isGRPC {
            return .streamed(CollectedRelay(request, path: path, fields: fields(request, caller).pairs, loop: self, fail: fail))
        }
        return relay(request, path, AppRoute(app, appID, fields(request, caller)), fail)
    }

    /// Takes a gRPC call to this runtime's own app.
    package func receive(_ call: GRPCCall, from caller: Caller) -> any GRPCStreamReceiver {
        guard let app else {
            call.fail(InvocationFailure.noAppChannel(app: appID).grpcStatus)
            return Ended()
        }
        let relay = GRPCRelay(call, AppCallRoute(app, appID, metadata(call, caller)))
        relay.start()
        return relay
    }

    /// Who has called this runtime's app.
    package enum Caller {
        /// The app itself.
        case own(InvocationLoop)
        /// Another runtime, which says in its fields for whom.
        case runtime
        /// Another runtime, whose certificate says for whom.
        case verified(RuntimeIdentity)
    }

    private func relay(
        _ request: HTTPRequest, _ path: String, _ route: any RelayRoute, _ fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        let relay = HTTPRelay(request, path: path, hasBody: request.expectsBody, route: route, fail: fail)
        relay.start()
        return .streamed(relay)
    }

    func fields(_ request: HTTPRequest, _ caller: Caller) -> HeaderFields {
        switch caller {
        case .runtime: return ForwardedFields.request(request.headers, keepsCaller: true, for: request.activity)
        case .verified(let identity): return ForwardedFields.request(request.headers, from: identity, for: request.activity)
        case .own: return ownFields(ForwardedFields.request(request.headers, keepsCaller: false, for: request.activity), to: own)
        }
    }

    func metadata(_ call: GRPCCall, _ caller: Caller) -> HeaderFields {
        switch caller {
        case .runtime: return ForwardedFields.call(call.metadata, keepsCaller: true, for: call.activity)
        case .verified(let identity): return ForwardedFields.call(call.metadata, from: identity, for: call.activity)
        case .own: return ownFields(ForwardedFields.call(call.metadata, keepsCaller: false, for: call.activity), to: own)
        }
    }

    private var own: AppName { AppName(id: appID, namespace: namespace) }

    /// Adds who calls whom.
    func ownFields(_ fields: consuming HeaderFields, to name: AppName) -> HeaderFields {
        fields.append("dapr-caller-app-id" as StaticString, appID)
        fields.append("dapr-callee-app-id" as StaticString, name.id)
        if !namespace.isEmpty { fields.append("dapr-caller-namespace" as StaticString, namespace) }
        return fields
    }

    /// Receives what still comes of a call that has ended.
    private final class Ended: GRPCStreamReceiver {
        func receive(_ message: UnsafeRawBufferPointer) {}
        func end() {}
    }
}

/// The app beside the runtime, as invocation calls it. On one event loop.
package protocol InvokedApp: AnyObject {
    /// Whether it speaks gRPC; it is called by `OnInvoke` then.
    var isGRPC: Bool { get }
    var client: HTTPClient { get }
    /// Its token, for it to see that the runtime calls; empty without one.
    var token: String { get }
    /// Runs `begin` when the app may get another call, and lets the next one go on when `left` is called, which is once.
    /// `refused` is called in its place when too many wait already.
    func enter(_ begin: @escaping (_ left: @escaping () -> Void) -> Void, refused: @escaping (String) -> Void)
    /// Calls an app that speaks gRPC. `done` is called once, maybe before this returns.
    func invoke(_ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done)
}

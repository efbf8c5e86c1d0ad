import BuildingBlocks
package import Certificates
package import Components
package import Governance
package import Middleware
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
    /// What HTTP calls of the app go through; nil: nothing.
    let pipeline: MiddlewarePipeline?
    private let resolution: NameResolution
    let tracer: LoopTracer
    private let endpoints: Endpoints
    private let policies: PolicyBook?
    /// Of `policies`, as they were in `policyVersion`.
    private var governors: [AppName: Governor?] = [:]
    private let passages = PassagePool()
    private var policyVersion = -1
    private var lastGoverned: AppName?
    private var lastGovernor: Governor?
    private var known: [AppName: AppPeers] = [:]

    /// Apps whose addresses are kept; callers choose the names.
    private static let knownLimit = 1024

    /// `resolver`: the name of the component that knows where apps are.
    package init(
        loop: CallLoop, appID: String, namespace: String, resolver: String, app: (any InvokedApp)?, policies: PolicyBook? = nil,
        limits: ClientLimits = ClientLimits(), security: InvocationSecurity? = nil, access: AccessControl? = nil,
        pipeline: MiddlewarePipeline? = nil, busyPoll: BusyPoll? = nil
    ) {
        self.pipeline = pipeline
        self.security = security
        self.access = access
        self.appID = appID
        self.namespace = namespace
        self.app = app
        self.policies = policies
        var peerLimits = limits
        // Runtimes take pings at any time. A connection whose machine has gone would else be used until the kernel gives up, in a quarter of
        // an hour, and stay silent for as long as its last pause was when the network is back.
        peerLimits.keepAliveTime = min(peerLimits.keepAliveTime, .seconds(5))
        peerLimits.keepAliveTimeout = min(peerLimits.keepAliveTimeout, .seconds(5))
        client = ClientLoop(eventLoop: loop.eventLoop, limits: peerLimits, busyPoll: busyPoll)
        tracer = loop.tracer
        endpoints = Endpoints(ClientLoop(eventLoop: loop.eventLoop, limits: limits, busyPoll: busyPoll))
        resolution = NameResolution(loop, component: resolver)
    }

    func isOwn(_ name: AppName) -> Bool { name.id == appID && name.namespace == namespace }

    func peers(_ name: AppName) -> AppPeers {
        if let found = known[name] {
            found.governor = governor(name)
            return found
        }
        if known.count >= Self.knownLimit {
            for (name, peers) in known where peers.isIdle {
                peers.close()
                known[name] = nil
            }
        }
        let made = AppPeers(name, resolution, client, security)
        made.governor = governor(name)
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

    // MARK: Policies

    /// The policies of calls of an app; nil without any.
    func governor(_ name: AppName) -> Governor? {
        guard let policies else { return nil }
        if policyVersion != policies.version {
            policyVersion = policies.version
            governors = [:]
            lastGoverned = nil
            lastGovernor = nil
        }
        // Most calls are for the app of the one before.
        if lastGoverned == name { return lastGovernor }
        let governor = lookUp(name, policies)
        lastGoverned = name
        lastGovernor = governor
        return governor
    }

    private func lookUp(_ name: AppName, _ policies: PolicyBook) -> Governor? {
        if let known = governors[name] { return known }
        // Source: Dapr's targets are app ids; one with a namespace is nearer.
        let found = policies.app(name.namespace.isEmpty ? [name.id] : [name.description, name.id])
        if governors.count >= Self.knownLimit { governors = [:] }
        governors[name] = .some(found)
        return found
    }

    /// Where a call of an app goes, and by which policies: those about faults and routes are the called app's, the others are of the
    /// app that the call comes to. `field`: of the request, by its name in lower case.
    func way(to called: AppName, _ field: (String) -> String?) -> (AppName, Passage?) {
        guard let own = governor(called) else { return (called, nil) }
        if !own.hasRoute, !own.hasFault {
            return (called, passages.take(own, app: called, eventLoop: client.eventLoop, fault: nil, of: own, activity: tracer.current))
        }
        var (name, governor) = (called, own as Governor?)
        if own.hasRoute, let routed = own.policy.route?.value.target(field, chance: { .random(in: 0..<1) }), routed != called.description,
            let target = try? AppName(routed, default: namespace)
        {
            (name, governor) = (target, self.governor(target))
        }
        let fault = own.hasFault ? own.policy.fault?.value.fault(field) { .random(in: 0..<100) } : nil
        guard let governor = governor ?? (fault == nil ? nil : own) else { return (name, nil) }
        return (name, passages.take(governor, app: name, eventLoop: client.eventLoop, fault: fault, of: own, activity: tracer.current))
    }

    /// The policies of a server that is no app, by its name or URL. Source: Dapr, in which it is a target like an app.
    private func passage(endpoint name: String) -> Passage? {
        policies?.app([name]).map { Passage($0, app: AppName(id: name, namespace: ""), eventLoop: client.eventLoop, activity: tracer.current) }
    }

    /// Sends a copy of a call of an app to where its policy says, if any; nobody reads the answer.
    func mirror(_ called: AppName, _ invocation: @autoclosure () -> UnaryInvocation) {
        guard let own = governor(called), own.hasMirror, let rule = own.policy.mirror?.value, .random(in: 0..<100) < rule.percent,
            let target = try? AppName(rule.app, default: namespace), target != called
        else { return }
        own.count(\.mirrored)
        var copy = invocation()
        copy.fields = ownFields(HeaderFields(copy.fields), to: target).pairs
        copy.timeout = copy.timeout ?? Self.mirrorTime
        if isOwn(target) { return callOwn(copy) { _ in } }
        UnaryAttempt(nil, client.eventLoop, target, copy, PeerCall(self, target)) { _ in }.begin()
    }

    private static let mirrorTime = Duration.seconds(15)

    /// Closes the connections to other runtimes.
    package func close() {
        endpoints.close()
        passages.clear()
        for peers in known.values { peers.close() }
        known = [:]
    }

    // MARK: Calls of the app

    /// Takes a request of this runtime's app to another app, as its head comes in. `path`: method and query, with a leading
    /// slash. `fail` answers the request in the form of the API.
    package func relay(
        _ request: HTTPRequest, to called: AppName, path: String, fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        let (name, passage) = way(to: called) { request.headers[$0] }
        request.activity?.live?.note(app: name.description, method: path)
        if isOwn(name) { return receive(request, path: path, from: .own, passage: passage, fail: fail) }
        // A WebSocket is one conversation with one instance.
        let copies = !request.offersWebSocket && (governor(called)?.hasMirror ?? false)
        if !copies, !request.offersWebSocket, let governor = governor(name), governor.hasHedge,
            let relay = HedgedRelay(request, path: path, to: name, self, governor, passage, fail: fail)
        {
            return .streamed(relay)
        }
        let relay = HTTPRelay(
            request, path: path, hasBody: request.expectsBody, route: PeerRoute(self, name), passage: passage, fail: fail)
        if copies {
            relay.onBody = { [self] body in
                let fields = ForwardedFields.request(request.headers, keepsCaller: false, for: request.activity).pairs
                mirror(called, UnaryInvocation(method: request.method, path: path, fields: fields, body: body))
            }
        }
        relay.start()
        return .streamed(relay)
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
        let route = EndpointRoute(called.endpoint, isWebSocket: request.offersWebSocket)
        return relay(request, called.path + path, route, passage(endpoint: called.endpoint.settings.name), fail)
    }

    /// Calls a server that is no app, once.
    package func call(_ called: CalledEndpoint, _ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        let endpoint = called.endpoint
        if let refusal = endpoint.settings.refusal {
            return done(.failure(.unreachable(app: endpoint.settings.name, cause: refusal)))
        }
        let name = endpoint.settings.name
        let activity = tracer.current
        activity?.live?.move(to: .peer)
        UnaryAttempt(
            passage(endpoint: name), client.eventLoop, AppName(id: name, namespace: ""), invocation,
            EndpointCall(endpoint, called.path, activity)
        ) { result in
            activity?.live?.move(to: .answered)
            done(result)
        }.begin()
    }

    /// A server that is no app, with the beginning of the path that a call has.
    package struct CalledEndpoint {
        let endpoint: Endpoint
        let path: String
    }

    /// Takes a gRPC call of this runtime's app to another app.
    package func relay(_ call: GRPCCall, to called: AppName) -> any GRPCStreamReceiver {
        let (name, passage) = way(to: called) { call.metadata[$0] }
        if let live = call.activity?.live, live.target.isEmpty {
            live.target = name.description
            live.isInvocation = true
        }
        if isOwn(name) { return receive(call, from: .own, passage: passage) }
        let relay = GRPCRelay(call, PeerCallRoute(self, name), passage: passage)
        relay.start()
        return relay
    }

    // MARK: Calls of other apps

    /// Takes a request to this runtime's own app.
    package func receive(
        _ request: HTTPRequest, path: String, from caller: Caller, fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode { receive(request, path: path, from: caller, passage: nil, fail: fail) }

    private func receive(
        _ request: HTTPRequest, path: String, from caller: Caller, passage: Passage?,
        fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        guard let app else {
            fail(request, .noAppChannel(app: appID))
            return .buffered
        }
        if app.isGRPC, request.offersWebSocket {
            fail(request, .noWebSocket(app: appID, cause: "it speaks gRPC, and a WebSocket needs one that speaks HTTP (--app-protocol)"))
            return .buffered
        }
        if app.isGRPC {
            return .streamed(CollectedRelay(request, path: path, fields: fields(request, caller).pairs, loop: self, fail: fail))
        }
        if let pipeline { return receive(request, path, fields(request, caller), by: pipeline, app, passage, fail) }
        return relay(request, path, AppRoute(app, appID, fields(request, caller)), passage, fail)
    }

    /// Takes a gRPC call to this runtime's own app.
    package func receive(_ call: GRPCCall, from caller: Caller) -> any GRPCStreamReceiver { receive(call, from: caller, passage: nil) }

    private func receive(_ call: GRPCCall, from caller: Caller, passage: Passage?) -> any GRPCStreamReceiver {
        guard let app else {
            call.fail(InvocationFailure.noAppChannel(app: appID).grpcStatus)
            return Ended()
        }
        let relay = GRPCRelay(call, AppCallRoute(app, self, caller), passage: passage)
        relay.start()
        return relay
    }

    /// Who has called this runtime's app.
    package enum Caller {
        /// The app itself.
        case own
        /// Another runtime, which says in its fields for whom.
        case runtime
        /// Another runtime, whose certificate says for whom.
        case verified(RuntimeIdentity)
    }

    func relay(
        _ request: HTTPRequest, _ path: String, _ route: any RelayRoute, _ passage: Passage?,
        _ fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) -> HTTPBodyMode {
        let relay = HTTPRelay(request, path: path, hasBody: request.expectsBody, route: route, passage: passage, fail: fail)
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

    /// Appends what the app is told of a call.
    func appendMetadata(_ call: GRPCCall, _ caller: Caller, to fields: inout HeaderFields) {
        switch caller {
        case .runtime: ForwardedFields.append(call: call.metadata, keepsCaller: true, isForApp: true, for: call.activity, to: &fields)
        case .verified(let identity): ForwardedFields.append(call: call.metadata, from: identity, for: call.activity, to: &fields)
        case .own:
            ForwardedFields.append(call: call.metadata, keepsCaller: false, for: call.activity, to: &fields)
            appendNames(to: appID, in: &fields)
        }
    }

    private var own: AppName { AppName(id: appID, namespace: namespace) }

    /// Adds who calls whom.
    func ownFields(_ fields: consuming HeaderFields, to name: AppName) -> HeaderFields {
        appendNames(to: name.id, in: &fields)
        return fields
    }

    func appendNames(to callee: String, in fields: inout HeaderFields) {
        fields.append("dapr-caller-app-id" as StaticString, appID)
        fields.append("dapr-callee-app-id" as StaticString, callee)
        if !namespace.isEmpty { fields.append("dapr-caller-namespace" as StaticString, namespace) }
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
    /// Whether it takes any number at a time: then nobody need enter.
    var isUnlimited: Bool { get }
    /// Calls an app that speaks gRPC. `done` is called once, maybe before this returns.
    func invoke(_ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done)
}

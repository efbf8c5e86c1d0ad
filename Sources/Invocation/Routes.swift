import Governance
import NIOCore
import Tracing
import Transport

extension InvocationFailure {
    init(_ error: ClientError, app: String) {
        switch error.kind {
        case .timeout: self = .timeout(app: app, cause: error.description)
        case .overloaded: self = .overloaded(app: app, cause: error.description)
        case .unsupported: self = .noWebSocket(app: app, cause: error.description)
        default: self = .unreachable(app: app, cause: error.description)
        }
    }
}

/// One call's choice among the instances of an app.
struct Choice {
    private let peers: AppPeers
    /// Those that have not taken the try.
    private var tried: [Peer] = []
    /// Those of earlier tries: others are asked first.
    private var avoided: [Peer] = []
    private(set) var peer: Peer?

    /// `avoiding`: others are asked before these.
    init(_ peers: AppPeers, avoiding: [Peer] = []) {
        self.peers = peers
        avoided = avoiding
    }

    enum Ending {
        case done
        /// It did not take the call.
        case notTaken
        /// It took the call and gave no good answer.
        case failed
    }

    /// Lets go of the one before.
    mutating func leave(_ ending: Ending) {
        guard let peer else { return }
        peer.underWay -= 1
        self.peer = nil
        switch ending {
        case .done: break
        case .failed: avoided.append(peer)
        case .notTaken:
            tried.append(peer)
            peers.failed(peer)
        }
    }

    /// Of the one that has the call: how it answers.
    func answered(well: Bool) { if let peer { peers.answered(peer, well: well) } }

    /// Whoever was asked before may be asked again, after the others.
    mutating func begin() {
        avoided += tried
        tried = []
    }

    /// One that is known already, if there is any.
    func pickNow() -> Peer? { peers.pickNow(excluding: tried, avoiding: avoided) }

    func pick(_ done: @escaping AppPeers.Done) { peers.pick(excluding: tried, avoiding: avoided, done) }

    mutating func take(_ peer: Peer) {
        peer.underWay += 1
        self.peer = peer
    }
}

/// To another app, by its runtime.
final class PeerRoute: RelayRoute {
    private let loop: InvocationLoop
    private let name: AppName
    private var choice: Choice
    private var isClosed = false

    init(_ loop: InvocationLoop, _ name: AppName) {
        self.loop = loop
        self.name = name
        choice = Choice(loop.peers(name))
    }

    func openNow() -> HTTPClient? {
        guard let peer = choice.pickNow() else { return nil }
        choice.take(peer)
        return peer.client
    }

    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void) {
        choice.pick { [self] result in
            guard !isClosed else { return }
            if case .success(let peer) = result { choice.take(peer) }
            done(result.map(\.client))
        }
    }

    func failed(_ error: ClientError) -> InvocationFailure {
        // What it does not know says nothing about how it is.
        if error.kind == .unsupported { return InvocationFailure(error, app: name.description) }
        choice.answered(well: false)
        choice.leave(error.mayHaveBeenSeen ? .failed : .notTaken)
        return InvocationFailure(error, app: name.description)
    }

    func answered(_ status: Int) { choice.answered(well: status < 500) }

    func again() {
        choice.leave(.failed)
        choice.begin()
    }

    func close() {
        isClosed = true
        choice.leave(.done)
    }

    func fields(_ request: HTTPRequest) -> HeaderFields {
        var fields = loop.ownFields(ForwardedFields.request(request.headers, keepsCaller: false, for: request.activity), to: name)
        // Source: Dapr, which tells the callee where the request came from (RFC 7239, and what was there before it).
        let host = request.headers["host" as StaticString] ?? ""
        if let peer = request.peer?.ipAddress {
            fields.append("x-forwarded-for" as StaticString, peer)
            fields.append("forwarded" as StaticString, "for=\(peer);host=\(host)")
        }
        if !host.isEmpty { fields.append("x-forwarded-host" as StaticString, host) }
        return fields
    }
}

final class PeerCallRoute: GRPCRelayRoute {
    private let loop: InvocationLoop
    private let name: AppName
    private var choice: Choice

    init(_ loop: InvocationLoop, _ name: AppName) {
        self.loop = loop
        self.name = name
        choice = Choice(loop.peers(name))
    }

    func openNow() -> HTTPClient? {
        guard let peer = choice.pickNow() else { return nil }
        choice.take(peer)
        return peer.client
    }

    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void) {
        choice.pick { [self] result in
            if case .success(let peer) = result { choice.take(peer) }
            done(result.map(\.client))
        }
    }

    func close(_ error: ClientError?, _ status: GRPCCode?) {
        if error != nil { choice.answered(well: false) } else if let status { choice.answered(well: !status.isServerFault) }
        guard let error else { return choice.leave(status?.isServerFault == true ? .failed : .done) }
        choice.leave(error.mayHaveBeenSeen ? .failed : .notTaken)
    }

    func again() { choice.begin() }

    func appendMetadata(_ call: GRPCCall, to fields: inout HeaderFields) {
        ForwardedFields.append(call: call.metadata, keepsCaller: false, for: call.activity, to: &fields)
        loop.appendNames(to: name.id, in: &fields)
    }
}

/// To the runtime's own app.
final class AppRoute: RelayRoute {
    private let app: any InvokedApp
    private let name: String
    private let own: HeaderFields
    private var left: (() -> Void)?
    private var isClosed = false

    init(_ app: any InvokedApp, _ name: String, _ fields: HeaderFields) {
        self.app = app
        self.name = name
        own = fields.with(token: app.token)
    }

    func openNow() -> HTTPClient? { app.isUnlimited ? app.client : nil }

    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void) {
        if left != nil { return done(.success(app.client)) }
        app.enter { [self] left in
            guard !isClosed else { return left() }
            self.left = left
            done(.success(app.client))
        } refused: { [name] cause in
            done(.failure(.overloaded(app: name, cause: cause)))
        }
    }

    func failed(_ error: ClientError) -> InvocationFailure { InvocationFailure(error, app: name) }

    func again() {
        left?()
        left = nil
    }

    func close() {
        isClosed = true
        left?()
        left = nil
    }

    func fields(_ request: HTTPRequest) -> HeaderFields { own }

    var stage: Stage { .app }
}

final class AppCallRoute: GRPCRelayRoute {
    private let app: any InvokedApp
    private let loop: InvocationLoop
    private let caller: InvocationLoop.Caller
    private var left: (() -> Void)?

    init(_ app: any InvokedApp, _ loop: InvocationLoop, _ caller: InvocationLoop.Caller) {
        self.app = app
        self.loop = loop
        self.caller = caller
    }

    func openNow() -> HTTPClient? { app.isUnlimited && app.isGRPC ? app.client : nil }

    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void) {
        guard app.isGRPC else {
            return done(.failure(.unreachable(app: loop.appID, cause: "the app speaks HTTP (--app-protocol), not gRPC")))
        }
        app.enter { [self] left in
            self.left = left
            done(.success(app.client))
        } refused: { [loop] cause in
            done(.failure(.overloaded(app: loop.appID, cause: cause)))
        }
    }

    func close(_ error: ClientError?, _ status: GRPCCode?) {
        left?()
        left = nil
    }

    func appendMetadata(_ call: GRPCCall, to fields: inout HeaderFields) {
        loop.appendMetadata(call, caller, to: &fields)
        if !app.token.isEmpty { fields.append("dapr-api-token" as StaticString, app.token) }
    }

    var stage: Stage { .app }
}

extension HeaderFields {
    /// With the token that the app knows its runtime by.
    fileprivate func with(token: String) -> HeaderFields {
        var fields = self
        // Between runtimes alone.
        if withValue("octavo-wire", { _ in true }) != nil {
            fields = HeaderFields()
            forEach { if !$0.equals("octavo-wire") { fields.append($0, $1) } }
        }
        guard !token.isEmpty else { return fields }
        fields.append("dapr-api-token" as StaticString, token)
        return fields
    }
}

extension GRPCCode {
    /// Whether it says something about the callee and not about the request.
    var isServerFault: Bool {
        switch self {
        case .unknown, .deadlineExceeded, .internal, .unavailable, .dataLoss: true
        default: false
        }
    }
}

import Governance
package import NIOCore
import Tracing
package import Transport

/// One call whose request and answer are whole: what `InvokeService` and `OnInvoke` are about.
package struct UnaryInvocation {
    /// The verb, in capitals.
    package var method: String
    /// Method and query, with a leading slash.
    package var path: String
    package var fields: [(String, String)]
    package var body: ByteBuffer
    package var timeout: Duration?

    package init(method: String, path: String, fields: [(String, String)], body: ByteBuffer, timeout: Duration? = nil) {
        self.method = method
        self.path = path
        self.fields = fields
        self.body = body
        self.timeout = timeout
    }

    package struct Answer {
        package var status: Int
        package var fields: [(String, String)]
        package var body: ByteBuffer
        /// Of a gRPC app that did not answer OK: its own words.
        package var grpc: GRPCStatus?

        package init(status: Int, fields: [(String, String)], body: ByteBuffer, grpc: GRPCStatus? = nil) {
            self.status = status
            self.fields = fields
            self.body = body
            self.grpc = grpc
        }

        package func field(_ name: String) -> String? { fields.first { $0.0 == name }?.1 }
    }

    package typealias Done = (Result<Answer, InvocationFailure>) -> Void
}

/// How the status of a gRPC app goes from its runtime to that of a gRPC caller: in fields of the HTTP answer between them.
enum StatusFields {
    /// The caller is a gRPC app's runtime, and wants the fields.
    static let wish = "octavo-wire"
    private static let code = "octavo-grpc-status", message = "octavo-grpc-message-bin", details = "octavo-grpc-details-bin"

    static func fields(_ status: GRPCStatus) -> [(String, String)] {
        [
            (code, String(status.code.rawValue)), (message, Base64.encode(Array(status.message.utf8))),
            (details, Base64.encode(status.details)),
        ]
    }

    /// Takes them out again.
    static func take(from fields: inout [(String, String)]) -> GRPCStatus? {
        var status: GRPCStatus?
        func bytes(_ name: String) -> [UInt8] { fields.first { $0.0 == name }.flatMap { Base64.decode($0.1.utf8) } ?? [] }
        if let text = fields.first(where: { $0.0 == code })?.1, let number = Int(text) {
            status = GRPCStatus(
                GRPCCode(rawValue: number) ?? .unknown, String(decoding: bytes(message), as: UTF8.self), details: bytes(details))
        }
        fields.removeAll { $0.0 == code || $0.0 == message || $0.0 == details }
        return status
    }
}

extension InvocationLoop {
    /// Calls an app once, whatever it speaks. `done` is called once, maybe before this returns.
    package func call(_ called: AppName, _ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        var invocation = invocation
        let fields = invocation.fields
        let (name, passage) = way(to: called) { name in fields.first { $0.0 == name }?.1 }
        mirror(called, invocation)
        let activity = tracer.current
        activity?.live?.move(to: isOwn(name) ? .app : .peer)
        let done: UnaryInvocation.Done = { result in
            activity?.live?.move(to: .answered)
            done(result)
        }
        invocation.fields = ownFields(HeaderFields(invocation.fields), to: name).pairs
        if isOwn(name) {
            guard let passage else { return callOwn(invocation, done) }
            return UnaryAttempt(passage, client.eventLoop, name, invocation, Own(self), done).begin()
        }
        invocation.fields.append((StatusFields.wish, "grpc"))
        UnaryAttempt(passage, client.eventLoop, name, invocation, PeerCall(self, name), done).begin()
    }

    /// Calls this runtime's own app; the fields are those that it gets.
    func callOwn(_ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        guard let app else { return done(.failure(.noAppChannel(app: appID))) }
        if let pipeline, !app.isGRPC { return call(invocation, by: pipeline, app, done) }
        call(invocation, app, done)
    }

    func call(_ invocation: UnaryInvocation, _ app: any InvokedApp, _ done: @escaping UnaryInvocation.Done) {
        let name = appID
        app.enter { left in
            if app.isGRPC {
                return app.invoke(invocation) { result in
                    left()
                    done(result)
                }
            }
            var fields = invocation.fields
            if !app.token.isEmpty { fields.append(("dapr-api-token", app.token)) }
            let request = HTTPClientRequest(
                method: invocation.method, target: invocation.path, headers: fields,
                body: invocation.body.readableBytes > 0 ? invocation.body : nil, timeout: invocation.timeout)
            app.client.send(request) { result in
                left()
                done(result.mapError { InvocationFailure($0, app: name) }.map { UnaryInvocation.Answer($0) })
            }
        } refused: { cause in
            done(.failure(.overloaded(app: name, cause: cause)))
        }
    }
}

extension UnaryInvocation.Answer {
    init(_ response: HTTPClientResponse) {
        var fields = ForwardedFields.response(response.headers).pairs
        let grpc = StatusFields.take(from: &fields)
        self.init(status: response.status, fields: fields, body: response.body, grpc: grpc)
    }
}

/// Who takes a unary call.
protocol UnaryRoute: AnyObject {
    /// Gives the call to one that has not been tried, with `timeout`. `notTaken`: nobody has seen it, so another may have it.
    func send(_ invocation: UnaryInvocation, _ done: @escaping (Result<UnaryInvocation.Answer, InvocationFailure>, _ notTaken: Bool) -> Void)
    /// The call goes out once more.
    func again()
}

/// This runtime's own app.
private final class Own: UnaryRoute {
    private let loop: InvocationLoop

    init(_ loop: InvocationLoop) { self.loop = loop }

    func send(_ invocation: UnaryInvocation, _ done: @escaping (Result<UnaryInvocation.Answer, InvocationFailure>, Bool) -> Void) {
        loop.callOwn(invocation) { done($0, false) }
    }

    func again() {}
}

/// The runtimes of another app.
final class PeerCall: UnaryRoute {
    private let name: AppName
    private var choice: Choice

    private var sent: HTTPClientRequest?
    private var isCancelled = false

    /// `avoiding`: instances that others are asked before.
    init(_ loop: InvocationLoop, _ name: AppName, avoiding: [Peer] = []) {
        self.name = name
        choice = Choice(loop.peers(name), avoiding: avoiding)
    }

    /// The one that has the call.
    var peer: Peer? { choice.peer }

    func again() { choice.begin() }

    /// Nobody wants the answer.
    func cancel() {
        isCancelled = true
        sent?.cancel()
        sent = nil
        choice.leave(.done)
    }

    func send(_ invocation: UnaryInvocation, _ done: @escaping (Result<UnaryInvocation.Answer, InvocationFailure>, Bool) -> Void) {
        choice.pick { [self] result in
            switch result {
            case .failure(let failure): done(.failure(failure), false)
            case .success(let peer):
                guard !isCancelled else { return }
                choice.take(peer)
                let request = HTTPClientRequest(
                    method: invocation.method, target: invocation.path, headers: invocation.fields,
                    body: invocation.body.readableBytes > 0 ? invocation.body : nil, timeout: invocation.timeout)
                sent = request
                peer.client.send(request) { [self] result in
                    sent = nil
                    switch result {
                    case .success(let response):
                        let isWell = response.status < 500
                        choice.answered(well: isWell)
                        choice.leave(isWell ? .done : .failed)
                        done(.success(UnaryInvocation.Answer(response)), false)
                    case .failure(let error):
                        choice.answered(well: false)
                        choice.leave(error.mayHaveBeenSeen ? .failed : .notTaken)
                        done(.failure(InvocationFailure(error, app: name.description)), !error.mayHaveBeenSeen)
                    }
                }
            }
        }
    }
}

/// A server that is no app.
final class EndpointCall: UnaryRoute {
    private let endpoint: Endpoint
    /// Before that of the call.
    private let path: String

    private let activity: ActivityRef?

    init(_ endpoint: Endpoint, _ path: String, _ activity: ActivityRef?) {
        self.endpoint = endpoint
        self.path = path
        self.activity = activity
    }

    func again() {}

    func send(_ invocation: UnaryInvocation, _ done: @escaping (Result<UnaryInvocation.Answer, InvocationFailure>, Bool) -> Void) {
        endpoint.enter()
        let request = HTTPClientRequest(
            method: invocation.method, target: path + invocation.path, fields: endpoint.fields(HeaderFields(invocation.fields), for: activity),
            body: invocation.body.readableBytes > 0 ? invocation.body : nil, timeout: invocation.timeout)
        endpoint.client.send(request) { [endpoint] result in
            endpoint.leave()
            done(result.mapError { InvocationFailure($0, app: endpoint.settings.name) }.map { UnaryInvocation.Answer($0) }, false)
        }
    }
}

/// A unary call, tried at other instances while nobody has seen it, and again by the policies of a `Passage`.
final class UnaryAttempt {
    private let passage: Passage?
    private let eventLoop: any EventLoop
    private let name: AppName
    private let invocation: UnaryInvocation
    private let route: any UnaryRoute
    private let done: UnaryInvocation.Done
    private let deadline: NIODeadline?
    /// Instances that this try has been given to.
    private var instances = 0
    private var isOver = false

    private static let limit = 3

    init(
        _ passage: Passage?, _ eventLoop: any EventLoop, _ name: AppName, _ invocation: UnaryInvocation, _ route: any UnaryRoute,
        _ done: @escaping UnaryInvocation.Done
    ) {
        self.passage = passage
        self.eventLoop = eventLoop
        self.name = name
        self.invocation = invocation
        self.route = route
        self.done = done
        deadline = invocation.timeout.map { .now() + .nanoseconds($0.nanoseconds) }
    }

    /// Begins a try.
    func begin() {
        instances = 0
        guard let passage else { return send(nil) }
        passage.enter { [self] refusal in
            guard !isOver else { return }
            if let refusal { end(.failure(refusal)) } else { send(nil) }
        }
    }

    private func send(_ earlier: InvocationFailure?) {
        var sent = invocation
        sent.timeout = CallTime.left(until: deadline, passage?.timeout)
        if let timeout = sent.timeout {
            guard timeout > .zero else {
                return tried(.failure(.timeout(app: name.description, cause: "The time that the caller gave is over.")), .none)
            }
            sent.fields.append(("\(CallTime.field)", CallTime.text(timeout)))
        }
        instances += 1
        route.send(sent) { [self] result, notTaken in
            guard !isOver else { return }
            switch result {
            case .success(let answer): tried(result, answer.grpc.map { .grpc($0.code.rawValue) } ?? .http(answer.status))
            case .failure(let failure):
                if notTaken, instances < Self.limit { return send(failure) }
                // What an earlier instance said of the call is closer to the cause.
                tried(.failure(earlier ?? failure), .none)
            }
        }
    }

    private func tried(_ result: Result<UnaryInvocation.Answer, InvocationFailure>, _ status: CallStatus) {
        guard !isOver else { return }
        var isLate = false
        if case .failure(.timeout) = result { isLate = true }
        passage?.leave(status, timedOut: isLate)
        if let passage, passage.retry(after: status, before: deadline, { [self] in begin() }) { return route.again() }
        end(result)
    }

    private func end(_ result: Result<UnaryInvocation.Answer, InvocationFailure>) {
        isOver = true
        passage?.close()
        done(result)
    }

    /// Nobody wants the answer any more.
    func cancel() {
        isOver = true
        passage?.close()
    }
}

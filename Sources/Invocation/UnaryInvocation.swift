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
    package func call(_ name: AppName, _ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        var invocation = invocation
        let activity = tracer.current
        activity?.live?.move(to: isOwn(name) ? .app : .peer)
        let done: UnaryInvocation.Done = { result in
            activity?.live?.move(to: .answered)
            done(result)
        }
        invocation.fields = ownFields(HeaderFields(invocation.fields), to: name).pairs
        if isOwn(name) { return callOwn(invocation, done) }
        invocation.fields.append((StatusFields.wish, "grpc"))
        UnaryAttempt(self, name, invocation, done).start()
    }

    /// Calls this runtime's own app; the fields are those that it gets.
    func callOwn(_ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        guard let app else { return done(.failure(.noAppChannel(app: appID))) }
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

/// A unary call to another runtime, tried at other instances while nobody has seen it.
private final class UnaryAttempt {
    private let name: AppName
    private let invocation: UnaryInvocation
    private let done: UnaryInvocation.Done
    private var choice: Choice
    private var attempts = 0

    private static let limit = 3

    init(_ loop: InvocationLoop, _ name: AppName, _ invocation: UnaryInvocation, _ done: @escaping UnaryInvocation.Done) {
        self.name = name
        self.invocation = invocation
        self.done = done
        choice = Choice(loop.peers(name))
    }

    func start(after earlier: InvocationFailure? = nil) {
        attempts += 1
        choice.pick { [self] result in
            switch result {
            case .failure(let failure): done(.failure(earlier ?? failure))
            case .success(let peer):
                choice.take(peer)
                let request = HTTPClientRequest(
                    method: invocation.method, target: invocation.path, headers: invocation.fields,
                    body: invocation.body.readableBytes > 0 ? invocation.body : nil, timeout: invocation.timeout)
                peer.client.send(request) { [self] result in
                    switch result {
                    case .success(let response):
                        choice.leave(failed: false)
                        done(.success(UnaryInvocation.Answer(response)))
                    case .failure(let error):
                        choice.leave(failed: !error.mayHaveBeenSeen)
                        let failure = InvocationFailure(error, app: name.description)
                        if !error.mayHaveBeenSeen, attempts < Self.limit { return start(after: failure) }
                        done(.failure(failure))
                    }
                }
            }
        }
    }
}

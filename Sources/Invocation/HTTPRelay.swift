import Governance
import NIOCore
import Tracing
import Transport

/// Where a relayed request goes: chosen when it is to be sent, and again when the choice took nothing.
protocol RelayRoute: AnyObject {
    /// What `open` would give at once; nil: it is not known yet, and `open` is to be called.
    func openNow() -> HTTPClient?
    /// Gives the client to send by, maybe before this returns.
    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void)
    /// The client did not take the request, which may go elsewhere.
    func failed(_ error: ClientError) -> InvocationFailure
    /// The answer has begun, with this status.
    func answered(_ status: Int)
    /// Nobody wants the answer: the request goes out once more, later.
    func again()
    /// The request is over; called once.
    func close()
    /// The fields that the request is sent with.
    func fields(_ request: HTTPRequest) -> HeaderFields
    /// What is waited for once it is sent.
    var stage: Stage { get }
}

extension RelayRoute {
    var stage: Stage { .peer }
}

extension RelayRoute {
    func openNow() -> HTTPClient? { nil }
    func answered(_ status: Int) {}
    func again() {}
}

/// Takes one HTTP request to another place and its answer back, both in parts as they come: nothing is kept but what the
/// slower side has not taken yet. A small body is kept whole until somebody has taken it, so that it can be sent again.
///
/// By the policies of a `Passage` it is tried again after an answer that is a failure, too, and after a small one that breaks off. One try is up to three instances, of which
/// the last may have seen it.
final class HTTPRelay: HTTPBodyReceiver {
    private let request: HTTPRequest
    private let path: String
    private let route: any RelayRoute
    private let passage: Passage?
    /// Of the whole request, as its caller says.
    private let deadline: NIODeadline?
    private let fail: (HTTPRequest, InvocationFailure) -> Void
    private var upstream: HTTPClientRequest?
    /// What has come of the body, while it is kept or nobody is there to take it.
    private var body = ByteBuffer()
    private let keepsBody: Bool
    /// Somebody takes a body that is not kept: parts of it go out. Before that the first part waits here.
    private var isTaken = false
    /// A small answer that is not passed on before it is complete.
    private var kept: HTTPClientResponse?
    private let length: Int?
    private var isBodyComplete: Bool
    private var isAnswered = false
    /// Bytes go both ways, whose meaning is the two ends' own.
    private var isWebSocket = false
    private var isClosed = false
    /// Instances that this try has been given to.
    private var attempts = 0
    private var lastFailure: InvocationFailure?

    /// A body up to this size is kept.
    private static let keptLimit = 64 << 10
    private static let attemptLimit = 3

    /// `path`: as it is sent. `fail` answers the request in the form of its API.
    init(
        _ request: HTTPRequest, path: String, hasBody: Bool, route: any RelayRoute, passage: Passage? = nil,
        fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) {
        self.request = request
        self.path = path
        self.route = route
        self.passage = passage
        self.fail = fail
        deadline = CallTime.deadline(request.headers)
        isBodyComplete = !hasBody
        length = hasBody ? request.headers["content-length" as StaticString].flatMap { Int($0) } : nil
        keepsBody = !hasBody || length.map { $0 <= Self.keptLimit } ?? false
        request.onCancel = { [weak self] _ in self?.cancelled() }
    }

    /// Begins. A request whose body is kept is sent when it is complete: at `end`, which comes without a body, too.
    func start() {
        if !keepsBody { begin() }
    }

    /// Is told the body, when that is kept and complete.
    var onBody: ((ByteBuffer) -> Void)?

    /// Begins a try.
    private func begin() {
        attempts = 0
        if keepsBody, let onBody {
            self.onBody = nil
            onBody(body)
        }
        guard let passage, !passage.enterAtOnce() else { return send() }
        passage.enter { [self] refusal in
            guard !isClosed else { return }
            if let refusal { end(refusal) } else { send() }
        }
    }

    private func send() {
        // Nobody has been asked, so nobody is to blame.
        if let deadline, deadline <= .now() { return failed(Self.late) }
        attempts += 1
        if let client = route.openNow() { return send(by: client) }
        request.activity?.live?.move(to: .waiting)
        route.open { [self] result in
            guard !isClosed else { return }
            switch result {
            case .success(let client): send(by: client)
            // What an earlier instance said of the call is closer to the cause.
            case .failure(let failure): gaveUp(lastFailure ?? failure, .none)
            }
        }
    }

    private func send(by client: HTTPClient) {
        var fields = route.fields(request)
        request.activity?.live?.move(to: route.stage)
        let timeout = CallTime.left(until: deadline, passage?.timeout)
        if let timeout { fields.append(CallTime.field, CallTime.text(timeout)) }
        let sent: HTTPClientRequest
        if request.offersWebSocket {
            sent = HTTPClientRequest(webSocket: path, fields: fields, timeout: timeout)
        } else if keepsBody {
            sent = HTTPClientRequest(
                method: request.method, target: path, fields: fields, body: body.readableBytes > 0 ? body : nil, timeout: timeout)
        } else {
            sent = HTTPClientRequest(streaming: request.method, target: path, fields: fields, contentLength: length, timeout: timeout)
        }
        upstream = sent
        if !keepsBody {
            sent.onStart = { [self] in if let upstream { taken(by: upstream) } }
            sent.onWritable = { [weak self] in self?.request.requestMore() }
        }
        client.send(sent, to: Answer(self))
    }

    /// The first part of the body may go out, and the others as they come.
    private func taken(by sent: HTTPClientRequest) {
        isTaken = true
        if body.readableBytes > 0 {
            let part = body
            body = ByteBuffer()
            if sent.write(part) { request.requestMore() }
        }
        if isBodyComplete { sent.end() }
    }

    // MARK: The body of the request

    func receive(_ bytes: ByteBuffer) {
        if isWebSocket {
            if upstream?.write(bytes) == true { request.requestMore() }
        } else if keepsBody {
            body.writeImmutableBuffer(bytes)
            // More than was announced does not come: the transport refuses it.
            request.requestMore()
        } else if let upstream, isTaken {
            if upstream.write(bytes) { request.requestMore() }
        } else {
            body.writeImmutableBuffer(bytes)
        }
    }

    func end() {
        if isWebSocket {
            upstream?.end()
            return
        }
        isBodyComplete = true
        if keepsBody { begin() } else if isTaken { upstream?.end() }
    }

    private func cancelled() {
        guard !isClosed else { return }
        upstream?.cancel()
        close()
    }

    // MARK: The answer

    /// Takes the parts of the answer; the relay itself takes those of the request.
    private final class Answer: HTTPClientReceiver {
        private let relay: HTTPRelay

        init(_ relay: HTTPRelay) { self.relay = relay }

        func receive(_ response: HTTPClientResponse) { relay.answer(response) }
        func receive(_ bytes: ByteBuffer) { relay.answer(bytes) }
        func end(trailers: HeaderFields) { relay.answered() }
        func failed(_ error: ClientError) { relay.failed(error) }
    }

    /// Both sides go on as a WebSocket. What policies say is of the call that has led to it, which ends here; the places that it takes
    /// at the app and among calls to an instance it keeps.
    private func begunWebSocket(_ response: HTTPClientResponse) {
        passage?.leave(.http(200))
        passage?.close()
        isAnswered = true
        isWebSocket = true
        upstream?.allow(nil)
        upstream?.onWritable = { [weak self] in self?.request.requestMore() }
        request.activity?.live?.move(to: .answered)
        request.acceptWebSocket(headers: ForwardedFields.response(response.headers), to: self)
        request.onWritable = { [weak self] in self?.upstream?.requestMore() }
        upstream?.requestMore()
    }

    private func answer(_ response: HTTPClientResponse) {
        route.answered(response.status)
        if response.status == 101 { return begunWebSocket(response) }
        let status = CallStatus.http(response.status)
        if let passage, status.isFailure {
            passage.leave(status)
            if keepsBody, passage.retry(after: status, before: deadline, { [self] in begin() }) {
                upstream?.cancel()
                upstream = nil
                return route.again()
            }
        }
        if let passage, passage.mayRetry, keepsBody, !status.isFailure, request.method != "HEAD",
            let length = response.headers["content-length" as StaticString].flatMap({ Int($0) }), (1...Self.keptLimit).contains(length)
        {
            // One that breaks off can be had again as long as nobody has seen a part of it.
            kept = response
            request.activity?.live?.move(to: .answered)
            upstream?.requestMore()
            return
        }
        isAnswered = true
        request.activity?.live?.move(to: .answered)
        body = ByteBuffer()
        request.respondHead(status: response.status, fields: ForwardedFields.response(response.headers))
        request.onWritable = { [weak self] in self?.upstream?.requestMore() }
        upstream?.requestMore()
    }

    private func answer(_ bytes: ByteBuffer) {
        if kept != nil {
            kept?.body.writeImmutableBuffer(bytes)
            upstream?.requestMore()
            return
        }
        if request.write(bytes) { upstream?.requestMore() }
    }

    private func answered() {
        passage?.leave(.http(200))
        if let kept {
            request.respond(status: kept.status, headers: ForwardedFields.response(kept.headers).pairs.filter { $0.0 != "content-length" },
                body: kept.body)
        } else {
            request.end()
        }
        close()
    }

    private func failed(_ error: ClientError) {
        guard !isClosed else { return }
        kept = nil
        let failure = route.failed(error)
        lastFailure = failure
        // What nobody has seen may go elsewhere.
        if !isAnswered, !error.mayHaveBeenSeen, error.kind != .unsupported, attempts < Self.attemptLimit, hasWholeBody() { return send() }
        gaveUp(failure, .none, timedOut: error.kind == .timeout)
    }

    /// Whether what has come of the body is here, if need be taken back from whom it was given to.
    private func hasWholeBody() -> Bool {
        if keepsBody || !isTaken { return true }
        guard let given = upstream?.given else { return false }
        body = given
        isTaken = false
        return true
    }

    /// The try has failed: there is another one, or none.
    private func gaveUp(_ failure: InvocationFailure, _ status: CallStatus, timedOut: Bool = false) {
        passage?.leave(status, timedOut: timedOut)
        if !isAnswered, keepsBody, let passage, passage.retry(after: status, before: deadline, { [self] in begin() }) {
            upstream = nil
            return route.again()
        }
        end(failure)
    }

    private static let late = ClientError(.timeout, "The time that the caller gave is over.", mayHaveBeenSeen: true)

    private func end(_ failure: InvocationFailure) {
        close()
        // Of an answer that has begun the caller must see that it is cut.
        if isAnswered { request.abort() } else { fail(request, failure) }
    }

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        upstream = nil
        request.onWritable = nil
        passage?.close()
        route.close()
    }
}

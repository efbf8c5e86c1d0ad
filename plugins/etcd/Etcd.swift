import PluginHTTP
import PluginKit

/// A component's way to its cluster: the JSON gateway of whichever server answers. On the reactor thread.
final class Etcd {
    let settings: Settings
    let instance: Instance
    let client: HTTPClient
    private(set) var current = 0
    private var token: [UInt8] = []
    /// Until there is a token.
    private var waiting: [Attempt] = []
    private var isStopped = true
    private let state: BackendState

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        self.instance = instance
        state = BackendState(instance)
        client = HTTPClient(instance, settings.http)
    }

    func start(_ call: Call) throws(PluginError) {
        try client.open()
        isStopped = false
        state.started()
        try health(call)
    }

    func stop(_ call: Call) {
        isStopped = true
        state.stopped()
        client.close()
        call.done()
    }

    /// Reads a key that nobody has, which needs a majority.
    func health(_ call: Call) throws(PluginError) {
        var body = Body(#"{"keys_only":true,"key":"#)
        body.add(settings.prefix)
        body.add("}")
        send("/v3/kv/range", body, isWrite: false) { result in
            switch result {
            case .success: call.done()
            case .failure(let error): call.fail(error)
            }
        }
    }

    /// Asks one server after the other until one answers; a write that one may have seen is not sent to another.
    func send(_ path: String, _ body: Body, isWrite: Bool, done: @escaping (Result<Reply, PluginError>) -> Void) {
        if let refusal = state.refusal { return done(.failure(refusal)) }
        attempt(Attempt(path: path, body: body.bytes, isWrite: isWrite, done: done))
    }

    private struct Attempt {
        let path: String
        let body: [UInt8]
        let isWrite: Bool
        let done: (Result<Reply, PluginError>) -> Void
        var tried = 0
        var hasAuthenticated = false
        /// What it was sent with.
        var token: [UInt8] = []
    }

    func request(_ path: String, _ body: [UInt8]) -> HTTPRequest {
        var request = HTTPRequest("POST", settings.endpoints[current] + path, body: body)
        request.timeout = 10_000_000_000
        request.maxBody = 256 << 20
        if !token.isEmpty { request.headers.append((name: "Authorization", value: String(decoding: token, as: UTF8.self))) }
        return request
    }

    private func attempt(_ given: Attempt) {
        if needsLogin { return authenticate(given) }
        var given = given
        given.token = token
        let sent = given
        let endpoint = current
        var asked = request(given.path, given.body)
        asked.isRepeatable = !given.isWrite
        do throws(PluginError) {
            try client.send(asked) { [self] result in
                switch result {
                case .failure(let failure): failed(sent, endpoint, failure)
                case .success(let response): answered(sent, endpoint, response)
                }
            }
        } catch { given.done(.failure(error)) }
    }

    /// The next server is asked from now on.
    func leave(_ endpoint: Int) {
        if current == endpoint { current = (endpoint + 1) % settings.endpoints.count }
        token = []
    }

    private func failed(_ given: Attempt, _ endpoint: Int, _ failure: HTTPFailure) {
        if isStopped { return given.done(.failure(failure.error(isWrite: given.isWrite))) }
        leave(endpoint)
        tryNext(given, failure.error(isWrite: given.isWrite), mayRepeat: !failure.wasSent || !given.isWrite)
    }

    private func tryNext(_ given: Attempt, _ error: PluginError, mayRepeat: Bool) {
        var next = given
        next.tried += 1
        if mayRepeat, next.tried < settings.endpoints.count { return attempt(next) }
        var error = error
        error.message = "etcd at \(settings.address): \(error.message)"
        if mayRepeat { state.down(error) }
        given.done(.failure(error))
    }

    private func answered(_ given: Attempt, _ endpoint: Int, _ response: HTTPResponse) {
        guard let reply = Reply.read(response.body) else {
            leave(endpoint)
            return tryNext(
                given, .outage("its answer (status \(response.status)) is not etcd's."), mayRepeat: !given.isWrite)
        }
        if response.isSuccess, reply.problem.isEmpty {
            state.up()
            return given.done(.success(reply))
        }
        var error = Etcd.error(reply, response.status, isWrite: given.isWrite)
        if reply.problem.contains("too many operations in txn") {
            error.message =
                "A transaction has more operations than etcd at \(settings.address) takes (its --max-txn-ops), and nothing was written. Set "
                + "maxTxnOps of the component to that number, and send fewer at a time."
        }
        if error.code == OCTAVO_CODE_UNAUTHENTICATED, !settings.username.isEmpty, !given.hasAuthenticated {
            // Another request may have got a newer one already.
            if token == given.token { token = [] }
            var again = given
            again.hasAuthenticated = true
            return attempt(again)
        }
        // It has no leader, or stops: another one may have.
        if error.flags & OCTAVO_ERROR_OUTAGE != 0 {
            leave(endpoint)
            return tryNext(given, error, mayRepeat: !given.isWrite)
        }
        state.up()
        given.done(.failure(error))
    }

    /// Whether a request that is made by hand has to wait for `logIn`.
    var needsLogin: Bool { !settings.username.isEmpty && token.isEmpty }

    /// Gets a token, if there is none.
    func logIn(done: @escaping (PluginError?) -> Void) {
        var body = Body(#"{"keys_only":true,"key":"#)
        body.add(settings.prefix)
        body.add("}")
        send("/v3/kv/range", body, isWrite: false) { result in
            if case .failure(let error) = result { done(error) } else { done(nil) }
        }
    }

    /// One asks for a token; who comes meanwhile waits for it. A server takes a tenth of a second for each password.
    private func authenticate(_ given: Attempt) {
        guard waiting.count < client.options.requests else {
            return given.done(
                .failure(
                    PluginError(
                        OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(waiting.count) requests wait for etcd's login already. Send less at a time.",
                        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)))
        }
        waiting.append(given)
        if waiting.count == 1 { askForToken() }
    }

    private func forAllWaiting(_ next: (Attempt) -> Void) {
        let all = waiting
        waiting = []
        for one in all { next(one) }
    }

    private func askForToken() {
        var body = Body(#"{"name":"#)
        body.add(text: settings.username)
        body.add(#","password":"#)
        body.add(text: settings.password)
        body.add("}")
        let endpoint = current
        do throws(PluginError) {
            try client.send(request("/v3/auth/authenticate", body.bytes)) { [self] result in
                switch result {
                case .failure(let failure):
                    let error = failure.error(isWrite: false)
                    if isStopped { return forAllWaiting { $0.done(.failure(error)) } }
                    leave(endpoint)
                    forAllWaiting { tryNext($0, error, mayRepeat: true) }
                case .success(let response):
                    if let reply = Reply.read(response.body), !reply.token.isEmpty {
                        token = reply.token
                        return forAllWaiting { attempt($0) }
                    }
                    let error = loginError(response)
                    guard error.flags & OCTAVO_ERROR_OUTAGE != 0 else { return forAllWaiting { $0.done(.failure(error)) } }
                    leave(endpoint)
                    forAllWaiting { tryNext($0, error, mayRepeat: true) }
                }
            }
        } catch { forAllWaiting { $0.done(.failure(error)) } }
    }

    private func loginError(_ response: HTTPResponse) -> PluginError {
        guard let reply = Reply.read(response.body) else { return .outage("its answer (status \(response.status)) is not etcd's.") }
        if reply.problem.contains("authentication is not enabled") {
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "etcd at \(settings.address) has authentication turned off. Turn it on (etcdctl auth enable), or leave username out.")
        }
        let error = Etcd.error(reply, response.status, isWrite: false)
        if error.flags & OCTAVO_ERROR_OUTAGE != 0 { return error }
        return PluginError(
            OCTAVO_CODE_UNAUTHENTICATED,
            "etcd at \(settings.address) refuses the user or the password. Check username and password.", flags: OCTAVO_ERROR_PERMANENT)
    }

    /// Of a transaction that is longer than the server takes.
    func tooManyOperations(_ count: Int) -> PluginError {
        .invalid(
            "A transaction of \(count) operations is too long: etcd at \(settings.address) takes \(settings.maxTxnOps) (maxTxnOps). Nothing "
                + "was written. Send fewer at a time, or raise --max-txn-ops of the servers, and then maxTxnOps of the component.")
    }

    /// What an error of a server means.
    static func error(_ reply: Reply, _ status: Int, isWrite: Bool) -> PluginError {
        let said = "etcd answered: \(String(decoding: reply.problem, as: UTF8.self))."
        let has: (StaticString) -> Bool = { word in reply.problem.contains(word) }
        // Invalid tokens come as an invalid argument with some versions; old ones after users or roles were changed.
        if has("invalid auth token") || has("revision of auth store is old") || has("user name is empty") {
            return PluginError(OCTAVO_CODE_UNAUTHENTICATED, said)
        }
        if has("request is too large") || has("message larger than max") {
            return PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED,
                "\(said) A request is larger than etcd takes, 1.5 MiB unless its --max-request-bytes says another size. Store less in one "
                    + "request, or raise it there.",
                reason: "REQUEST_TOO_LARGE", flags: OCTAVO_ERROR_PERMANENT)
        }
        switch Int32(truncatingIfNeeded: reply.code) {
        case OCTAVO_CODE_UNAVAILABLE, OCTAVO_CODE_UNKNOWN, OCTAVO_CODE_DEADLINE_EXCEEDED:
            var error = PluginError.outage(said)
            if isWrite { error.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT }
            return error
        case OCTAVO_CODE_RESOURCE_EXHAUSTED: return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, said, flags: OCTAVO_ERROR_RETRYABLE)
        case let code where code > 0 && code <= 16: return PluginError(code, said)
        default: return status >= 500 ? .outage(said) : PluginError(OCTAVO_CODE_INTERNAL, said)
        }
    }

    // MARK: Leases

    /// A lease of at least `nanoseconds`, in whole seconds; 0 gives none.
    func grant(_ nanoseconds: Int64, done: @escaping (Result<Int64, PluginError>) -> Void) {
        if nanoseconds <= 0 { return done(.success(0)) }
        var body = Body(#"{"TTL":"#)
        body.add(max((nanoseconds - 1) / 1_000_000_000 + 1, 1))
        body.add("}")
        // One that is lost ends by itself.
        send("/v3/lease/grant", body, isWrite: false) { result in
            switch result {
            case .success(let reply): done(.success(reply.lease))
            case .failure(let error): done(.failure(error))
            }
        }
    }

    /// Nobody waits for it: a lease ends by itself, later.
    func revoke(_ lease: Int64) {
        if lease == 0 || isStopped { return }
        var body = Body(#"{"ID":"#)
        body.add(lease)
        body.add("}")
        send("/v3/lease/revoke", body, isWrite: false) { _ in }
    }
}

extension [UInt8] {
    /// Whether the text has that word in it.
    func contains(_ word: StaticString) -> Bool {
        let wanted = word.utf8CodeUnitCount
        guard count >= wanted else { return false }
        for start in 0...(count - wanted) where self.withUnsafeBytes({ memcmp($0.baseAddress! + start, word.utf8Start, wanted) == 0 }) {
            return true
        }
        return false
    }
}

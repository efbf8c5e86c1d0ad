public import PluginKit

/// Who a client says that it is.
public enum HTTPToken {
    case none
    case fixed([UInt8])
    /// Somebody else writes it anew now and then.
    case file(FileText)

    /// As it is now; empty when there is none.
    func value() throws(PluginError) -> [UInt8] {
        switch self {
        case .none: []
        case .fixed(let text): text
        case .file(let file): try file.value()
        }
    }
}

/// A component's way to one server that wants a token with each request. Sends again what the server was too busy for, and what
/// it refused for a token that has been written anew meanwhile; while the server is gone requests fail at once, with the cause.
/// On the reactor thread.
public final class TokenClient {
    public struct Options {
        /// "https://host:port".
        public var base: String
        /// Who it is, for messages.
        public var server: StaticString
        public var token: HTTPToken
        /// The header of the token, and what stands before it there.
        public var header: String
        public var prefix: String
        /// The status of an answer that may be due to an old token.
        public var refusal: Int
        /// Headers of all requests.
        public var headers: [(name: String, value: String)]

        public init(
            base: String, server: StaticString, token: HTTPToken, header: String, prefix: String = "", refusal: Int,
            headers: [(name: String, value: String)] = []
        ) {
            self.base = base
            self.server = server
            self.token = token
            self.header = header
            self.prefix = prefix
            self.refusal = refusal
            self.headers = headers
        }
    }

    private static let longest: Int64 = 10_000_000_000
    /// Bytes of a URL: what servers take differs, and the least of the common ones, of Python, is four times this.
    private static let longestURL = 16 << 10
    private static let tries = 4

    public let options: Options
    private let instance: Instance
    private let client: HTTPClient
    /// Streams keep their connections, which the requests need.
    private let streams: HTTPClient
    private var isStopped = true
    private let state: BackendState
    private var waiting: [Waiting] = []

    public init(_ instance: Instance, _ options: Options, _ http: HTTPOptions, streams count: Int = 1) {
        self.instance = instance
        state = BackendState(instance)
        self.options = options
        client = HTTPClient(instance, http)
        var more = http
        more.connections = count
        more.requests = count
        streams = HTTPClient(instance, more)
    }

    public func open() throws(PluginError) {
        // One that can't be read is known at once.
        _ = try options.token.value()
        try client.open()
        try streams.open()
        isStopped = false
        state.started()
    }

    public func close() {
        isStopped = true
        state.stopped()
        let left = waiting
        waiting = []
        for one in left { one.end() }
        client.close()
        streams.close()
    }

    /// A request for what is at `path`. It takes no longer than until `deadline` (CLOCK_MONOTONIC, 0 = none), 10 s at most.
    public func request(_ method: String, _ path: String, deadline: Int64 = 0) -> HTTPRequest {
        var request = HTTPRequest(method, options.base + path)
        request.headers = options.headers
        request.timeout = deadline == 0 ? TokenClient.longest : min(max(deadline - Host.now(), 1_000_000), TokenClient.longest)
        request.maxBody = 64 << 20
        request.isRepeatable = true
        return request
    }

    /// Sends a request that may be repeated. `done` gets the answer, whatever its status, but for those that say that the server is gone.
    public func send(_ request: HTTPRequest, done: @escaping (Result<HTTPResponse, PluginError>) -> Void) {
        if let refusal = state.refusal { return done(.failure(refusal)) }
        // Servers break off in the middle of such a request, which would look as if they were gone.
        guard request.url.utf8.count <= TokenClient.longestURL else {
            return done(
                .failure(
                    .invalid(
                        "A name that is asked for is too long: the URL at \(Str(options.server).string) would have \(request.url.utf8.count) "
                            + "bytes, and no more than \(TokenClient.longestURL) are sent.")))
        }
        attempt(request, number: 1, before: nil, until: Host.now() + request.timeout, done)
    }

    /// Opens a stream, of which `send` knows nothing: neither repeated nor held against the server.
    public func stream(
        _ request: HTTPRequest, chunk: @escaping (UnsafeRawBufferPointer) -> Bool,
        done: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void
    ) throws(PluginError) -> HTTPTransfer {
        var request = request
        try authorize(&request, options.token.value())
        return try streams.stream(request, head: { _ in }, chunk: chunk, done: done)
    }

    public func cancel(_ stream: HTTPTransfer) { streams.cancel(stream) }

    private func authorize(_ request: inout HTTPRequest, _ token: [UInt8]) throws(PluginError) {
        if token.isEmpty { return }
        request.headers.append((options.header, options.prefix + String(decoding: token, as: UTF8.self)))
    }

    private func attempt(
        _ given: HTTPRequest, number: Int, before: [UInt8]?, until: Int64, _ done: @escaping (Result<HTTPResponse, PluginError>) -> Void
    ) {
        do throws(PluginError) {
            let token = try options.token.value()
            var request = given
            request.timeout = max(until - Host.now(), 1_000_000)
            try authorize(&request, token)
            try client.send(request) { [self] result in
                switch result {
                case .failure(let failure):
                    var error = failure.error(isWrite: false)
                    error.message = "\(Str(options.server).string) at \(options.base): \(error.message)"
                    // A request that nobody wanted to wait for longer says nothing about the others.
                    var isSlow = false
                    if case .timeout = failure.kind { isSlow = failure.wasSent }
                    if !isStopped, !isSlow { state.down(error) }
                    done(.failure(error))
                case .success(let response):
                    answered(given, response, number: number, token: token, before: before, until: until, done)
                }
            }
        } catch { done(.failure(error)) }
    }

    private func answered(
        _ given: HTTPRequest, _ response: HTTPResponse, number: Int, token: [UInt8], before: [UInt8]?, until: Int64,
        _ done: @escaping (Result<HTTPResponse, PluginError>) -> Void
    ) {
        state.up()
        if response.status == options.refusal, case .file(let file) = options.token, before == nil {
            // Written anew between the reading and the answer.
            do throws(PluginError) {
                if try file.value() != token { return attempt(given, number: number, before: token, until: until, done) }
            } catch {}
        }
        guard response.status == 429, number < TokenClient.tries, !isStopped else { return done(.success(response)) }
        let asked = response.header("retry-after")?.withUnsafeBytes { Str($0).decimal } ?? 0
        // Nobody told how long: a moment, longer each time, varied.
        let usual = Int64(50_000_000) << Int64(number) + Int64(Host.random() % 50_000_000)
        let pause = asked == 0 ? usual : Int64(min(asked, 3600)) * 1_000_000_000
        guard Host.now() + pause < until else { return done(.success(response)) }
        wait(pause) { [self] isEnd in
            if isEnd { return done(.success(response)) }
            attempt(given, number: number + 1, before: before, until: until, done)
        }
    }

    // MARK: Pauses

    private final class Waiting {
        var timer: Timer!
        var body: ((Bool) -> Void)?

        func end() {
            timer.cancel()
            let body = body
            self.body = nil
            body?(true)
        }
    }

    /// `body` is called once, with `true` when the client was closed meanwhile or there is no timer.
    private func wait(_ pause: Int64, _ body: @escaping (Bool) -> Void) {
        let one = Waiting()
        one.body = body
        one.timer = Timer(instance) { [unowned(unsafe) self, unowned(unsafe) one] in
            let body = one.body
            self.waiting.removeAll { $0 === one }
            body?(false)
        }
        guard one.timer.set(after: pause) else { return body(true) }
        waiting.append(one)
    }

}

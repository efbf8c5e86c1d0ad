public import PluginKit

/// What all requests of a client have in common.
public struct HTTPOptions {
    public var tls = HTTPTLS()
    /// Until the connection stands, TLS included. Nanoseconds.
    public var connectTimeout: Int64 = 5_000_000_000
    /// "http://proxy:3128"; `nil`: none, whatever the environment says.
    public var proxy: String?
    /// Redirects that are followed; more, and the request fails. 0: a redirect is an answer like others. Headers that the
    /// caller gave go to the other host, too, but for Authorization and Cookie.
    public var redirects = 0
    /// To one host at the same time.
    public var connections = 16
    /// Requests at the same time; more are refused.
    public var requests = 1024
    /// Speak HTTP/2 at once, without TLS and without asking. Otherwise TLS agrees on it.
    public var usesHTTP2AtOnce = false
    /// Path of a socket that stands for every host.
    public var unixSocket: String?
    public var userAgent = "octavo"

    public init() {}
}

/// An asynchronous HTTP client of one component: keeps connections, speaks HTTP/1.1 and HTTP/2, never blocks. It is used and
/// calls back on the reactor thread alone. `open` it in `start`, `close` it in `stop`.
public final class HTTPClient {
    public let options: HTTPOptions
    /// With what has been read when it was opened.
    private var used: HTTPOptions
    private let loop: CurlLoop

    public init(_ instance: Instance, _ options: HTTPOptions = HTTPOptions()) {
        self.options = options
        used = options
        loop = CurlLoop(instance, limit: options.requests, connections: options.connections)
    }

    /// Throws when the options can't be right: files that can't be read, a certificate without a key.
    public func open() throws(PluginError) {
        used.tls = try options.tls.resolved()
        try used.tls.check()
        try loop.open()
    }

    /// Ends all requests with a failure `closed`, and all connections.
    public func close() { loop.close() }

    /// Sends a request; `done` is called once with the whole answer, later, unless the request is cancelled.
    @discardableResult
    public func send(
        _ request: HTTPRequest, done: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void
    ) throws(PluginError) -> HTTPTransfer {
        try begin(HTTPTransfer(request, used, head: nil, chunk: nil, done: done))
    }

    /// Sends a request whose answer may have no end: `head` gets status and headers, `chunk` each piece of the body as it comes (at
    /// most 16 KiB, valid during the call; `false` ends it with a failure `lost`), `done` the end. Set `timeout` to 0 for one that stays open.
    @discardableResult
    public func stream(
        _ request: HTTPRequest, head: @escaping (HTTPResponse) -> Void, chunk: @escaping (UnsafeRawBufferPointer) -> Bool,
        done: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void
    ) throws(PluginError) -> HTTPTransfer {
        try begin(HTTPTransfer(request, used, head: head, chunk: chunk, done: done))
    }

    private func begin(_ transfer: HTTPTransfer) throws(PluginError) -> HTTPTransfer {
        try loop.begin(transfer)
        return transfer
    }

    /// Ends a request: nothing of it is called any more. Also from within one of its functions.
    public func cancel(_ transfer: HTTPTransfer) { loop.cancel(transfer) }
}

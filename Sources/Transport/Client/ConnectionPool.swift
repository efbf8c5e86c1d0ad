import CNGHTTP2
import NIOCore
import NIOPosix

/// The connections of one client and the exchanges that wait for one. Confined to the client's event loop.
final class ConnectionPool {
    /// The peer in error messages.
    let name: String
    private(set) var target: ClientTarget
    let loop: ClientLoop
    var onConnectionLost: (() -> Void)?
    /// What each request of HTTP/2 begins with; as long as the pool.
    let firstFields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let firstText: UnsafeMutablePointer<UInt8>

    /// What ALPN chose last; nil when it is not known beforehand.
    private var agreed: ClientTarget.Wire?
    /// Connections of HTTP/1.1 without a request, the one used last at the end.
    private var idle: [HTTP1ClientConnection] = []
    /// All connections of HTTP/1.1 that may be used (again).
    private var http1: [ObjectIdentifier: HTTP1ClientConnection] = [:]
    /// Those that have become WebSockets.
    private var lent: [ObjectIdentifier: HTTP1ClientConnection] = [:]
    /// Connections of HTTP/2 that take new streams.
    private var http2: [HTTP2ClientConnection] = []
    /// Connections that finish what they have and close then.
    private var leaving: [ObjectIdentifier: HTTP2ClientConnection] = [:]
    private var connecting = 0
    private var waiting = CircularBuffer<ClientExchange>()
    private var isClosed = false

    init(_ target: ClientTarget, loop: ClientLoop, name: String) {
        self.target = target
        self.loop = loop
        self.name = name
        (firstFields, firstText) = HeaderBatch.lasting([(":scheme", target.scheme), (":authority", target.authority)])
        agreed = target.wire == .negotiated ? (target.tls == nil ? .http1 : nil) : target.wire
    }

    deinit {
        firstFields.deallocate()
        firstText.deallocate()
    }

    // MARK: Exchanges

    func dispatch(_ exchange: ClientExchange) {
        guard !isClosed else { return failLater(exchange, ClientError(.shutdown, "The client is closed.", mayHaveBeenSeen: false)) }
        if let connection = http2.first(where: { $0.hasRoom(for: exchange) }) { return connection.start(exchange) }
        if agreed == .http1, exchange is GRPCClientCall { return failLater(exchange, needsHTTP2) }
        if let connection = idle.popLast() { return connection.start(exchange) }
        if waiting.count >= loop.limits.maxWaiting { waiting.removeAll { $0.isEnded } }
        guard waiting.count < loop.limits.maxWaiting else {
            return failLater(
                exchange,
                ClientError(
                    .overloaded, "\(loop.limits.maxWaiting) requests wait for a connection to \(name) already.",
                    mayHaveBeenSeen: false))
        }
        waiting.append(exchange)
        exchange.waits()
        connectIfNeeded()
    }

    /// Tries once more with an exchange that a connection could not finish: at most twice, and not after its deadline.
    func retry(_ exchange: ClientExchange, or error: ClientError) {
        guard !exchange.isEnded else { return }
        guard exchange.isReplayable, exchange.attempts < 3, !isClosed else { return exchange.fail(error) }
        exchange.detach()
        dispatch(exchange)
    }

    /// Not from inside the call that began it.
    func failLater(_ exchange: ClientExchange, _ error: ClientError) {
        let bound = NIOLoopBound(exchange, eventLoop: loop.eventLoop)
        loop.eventLoop.execute { bound.value.fail(error) }
    }

    private var needsHTTP2: ClientError {
        ClientError(.malformed, "\(name) speaks HTTP/1.1, but gRPC needs HTTP/2.", mayHaveBeenSeen: false)
    }

    /// Gives connections to those who wait, and makes more if that is not enough.
    private func serveWaiting() {
        while let first = waiting.first {
            if first.isEnded {
                waiting.removeFirst()
            } else if let connection = http2.first(where: { $0.hasRoom(for: first) }) {
                connection.start(waiting.removeFirst())
            } else if agreed == .http1, first is GRPCClientCall {
                waiting.removeFirst().fail(needsHTTP2)
            } else if let connection = idle.popLast() {
                connection.start(waiting.removeFirst())
            } else {
                break
            }
        }
        connectIfNeeded()
    }

    // MARK: Connections

    private func connectIfNeeded() {
        guard !isClosed, !waiting.isEmpty else { return }
        switch agreed {
        case .http1:
            while connecting < waiting.count, http1.count + connecting < loop.limits.maxConnections { connect() }
        case .http2:
            // Before its settings a server seems to allow fewer streams than it does.
            if connecting == 0, http2.count < loop.limits.maxHTTP2Connections, http2.allSatisfy(\.isGreeted) { connect() }
        case .negotiated, nil:
            if connecting == 0 { connect() }
        }
    }

    private func connect() {
        begin()
        ClientHandshake.connect(self)
    }

    /// A connection is being made; `ready` or `connectFailed` will be told.
    func begin() { connecting += 1 }

    /// A connection is up. `handler` is what must speak on it.
    func connected(wire: ClientTarget.Wire, tls: TLSHandler?) -> any ChannelHandler {
        agreed = wire
        if wire == .http2 { return HTTP2ClientConnection(pool: self, tls: tls) }
        return HTTP1ClientConnection(pool: self)
    }

    /// A connection is in place and takes exchanges.
    func ready(_ connection: HTTP2ClientConnection) {
        connecting -= 1
        guard !isClosed else { return connection.close() }
        http2.append(connection)
        judge(connection)
        serveWaiting()
    }

    func ready(_ connection: HTTP1ClientConnection) {
        connecting -= 1
        guard !isClosed else { return connection.close() }
        http1[ObjectIdentifier(connection)] = connection
        idle.append(connection)
        serveWaiting()
    }

    /// The peer has ended `connection` before it said that it takes any exchanges: who waits for one learns why.
    func refused(_ connection: HTTP2ClientConnection, _ error: ClientError) {
        http2.removeAll { $0 === connection }
        guard !isClosed else { return }
        onConnectionLost?()
        guard connecting == 0, http2.isEmpty else { return }
        let batch = waiting
        waiting.removeAll()
        for exchange in batch { exchange.fail(error) }
    }

    // MARK: Other certificates

    func use(_ tls: TLSClientContext) {
        target.tls = tls
        for connection in http2 { judge(connection) }
        for connection in leaving.values { judge(connection) }
        if !waiting.isEmpty { serveWaiting() }
    }

    private func judge(_ connection: HTTP2ClientConnection) {
        guard target.peerURI != nil, let tls = target.tls, let handler = connection.tls, !handler.isOf(tls.context) else { return }
        if handler.isVouchedFor(by: tls.roots) { connection.leave() } else { connection.close() }
    }

    /// No connection came about: those who wait learn why, unless others may still serve them.
    func connectFailed(_ error: ClientError) {
        connecting -= 1
        if !isClosed { onConnectionLost?() }
        guard connecting == 0, http1.isEmpty, http2.isEmpty else { return }
        if target.wire == .negotiated, target.tls != nil { agreed = nil }
        let batch = waiting
        waiting.removeAll()
        for exchange in batch { exchange.fail(error) }
    }

    /// `connection` may take another exchange.
    func released(_ connection: HTTP1ClientConnection) {
        guard !isClosed, http1[ObjectIdentifier(connection)] != nil else { return connection.close() }
        idle.append(connection)
        if !waiting.isEmpty { serveWaiting() }
    }

    /// Streams have ended, or the server allows more of them.
    func hasRoom(_ connection: HTTP2ClientConnection) {
        if !waiting.isEmpty { serveWaiting() }
    }

    /// `connection` has become a WebSocket: it takes nobody's place any more.
    func lend(_ connection: HTTP1ClientConnection) {
        guard !isClosed, http1.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        lent[ObjectIdentifier(connection)] = connection
        connectIfNeeded()
    }

    /// `connection` takes no more exchanges. `isLost` when that is not our doing.
    func remove(_ connection: HTTP1ClientConnection, isLost: Bool) {
        http1[ObjectIdentifier(connection)] = nil
        lent[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
        lost(isLost)
    }

    /// The same. It stays here, if it still has streams, until it is `closed`.
    func remove(_ connection: HTTP2ClientConnection, isLost: Bool) {
        if let index = http2.firstIndex(where: { $0 === connection }) {
            http2.remove(at: index)
            leaving[ObjectIdentifier(connection)] = connection
        }
        lost(isLost)
    }

    func closed(_ connection: HTTP2ClientConnection) { leaving[ObjectIdentifier(connection)] = nil }

    private func lost(_ isLost: Bool) {
        guard !isClosed else { return }
        if isLost { onConnectionLost?() }
        connectIfNeeded()
    }

    // MARK: Ending

    func close() {
        guard !isClosed else { return }
        isClosed = true
        let batch = waiting
        waiting.removeAll()
        let error = ClientError(.shutdown, "The client has been closed.", mayHaveBeenSeen: false)
        for exchange in batch { exchange.fail(error) }
        for connection in http1.values { connection.close() }
        for connection in lent.values { connection.close() }
        for connection in http2 { connection.close() }
        for connection in leaving.values { connection.close() }
    }
}

package import NIOCore
package import Tracing

/// One HTTP/1.1 or HTTP/2 request that is not gRPC. Confined to `eventLoop`: every member is used there.
///
/// It is answered exactly once: by `respond`, or by `respondHead`, any number of `write` and `end`. What comes after
/// the answer, or after the peer has gone, is ignored.
package final class HTTPRequest {
    /// The version of the protocol that the request came in.
    package enum Version: Sendable { case http1_0, http1_1, http2 }
    enum Answer { case none, started, ended }
    enum Upgrade { case none, offered, done }

    let loop: LoopContext
    /// Who answers.
    let handler: any HTTPHandler
    /// The index of the event loop, as given to the application factory.
    package var loopIndex: Int { loop.index }
    /// The event loop of the connection.
    package var eventLoop: any EventLoop { loop.eventLoop }
    package let version: Version
    /// The method as received, e.g. `GET`.
    package let method: String
    /// Path and query as received, percent-encoded, e.g. `/v1.0/state/store?metadata.ttl=1`.
    package let target: String
    /// Header fields, names in lower case. `host` is there for HTTP/2, too (from `:authority`).
    package let headers: HeaderFields
    /// Whether it asks to go on as a WebSocket; see `acceptWebSocket`.
    package var offersWebSocket: Bool { upgrade == .offered }
    var upgrade = Upgrade.none
    /// What was sent ahead of an upgrade has ended.
    var isEarlyInputEnded = false
    /// Bytes of the bodies that have come and been sent.
    package internal(set) var receivedBytes = 0
    package private(set) var sentBytes = 0
    /// The whole body in buffered mode; empty in streamed mode.
    package internal(set) var body = ByteBuffer()
    /// Runs once if the request ends before its answer is complete. Let go when it ends.
    package var onCancel: ((GRPCCancelReason) -> Void)?
    /// Runs when a `write` has returned false and the outgoing buffer has drained. Let go when the request ends.
    package var onWritable: (() -> Void)?

    /// Who follows the request, if anybody does; ended by whoever observes the handler.
    package var activity: ActivityRef?

    /// Fields for whatever answer it gets, besides those of the answer; one that the answer has by itself stands.
    package var answerFields: HeaderFields?

    /// Nil makes everything a no-op.
    var responder: (any HTTPResponder)?
    var answer = Answer.none

    // Receiving; see HTTPRequest+Receiving.swift.
    var receiver: (any HTTPBodyReceiver)?
    var isBodyComplete = false
    var isBodyDelivered = false
    /// Nobody wants the rest of the body.
    var isDiscarding = false
    /// Bytes that came although nobody wanted them.
    var discarded = 0
    var mayDeliver = true
    var held = 0
    /// The value of `content-length`, 0 without one.
    var announcedLength = 0
    /// When the head was in; 0 when nobody observes.
    private let startedAt: UInt64
    private var status = 0
    /// Bytes of a streamed body that wait for `requestMore`; at most a window of HTTP/2, or what HTTP/1.1 read at once.
    var parked = ByteBuffer()

    init(loop: LoopContext, version: Version, method: String, target: String, headers: HeaderFields) {
        self.loop = loop
        handler = loop.http
        self.version = version
        self.method = method
        self.target = target
        self.headers = headers
        startedAt = loop.http.observe == nil ? 0 : NIODeadline.now().uptimeNanoseconds
    }

    /// Monotonic nanoseconds of its head; 0 when nobody observes the handler.
    package var begunAt: UInt64 { startedAt }

    /// One that stands for `other` before another handler. It is not observed: the other is.
    init(for other: HTTPRequest, target: String, headers: HeaderFields, handler: any HTTPHandler, responder: any HTTPResponder) {
        loop = other.loop
        version = other.version
        method = other.method
        self.target = target
        self.headers = headers
        self.handler = handler
        self.responder = responder
        startedAt = 0
        activity = other.activity
        if other.upgrade == .offered { upgrade = .offered }
    }

    /// Who asks. Nil after the connection is gone.
    package var peer: SocketAddress? { responder?.peer }

    /// Whether more of the body may come. To be asked while the head is handed over (`HTTPHandler.open`).
    package var expectsBody: Bool { !isBodyComplete }

    /// Whether it came over TLS.
    package var isSecure: Bool { responder?.isSecure ?? false }

    /// The URIs that the verified certificate of who asks is for; none without one.
    package var peerURIs: [String] { responder?.peerURIs ?? [] }

    /// Whether the answer is complete or nobody waits for it any more.
    package var isEnded: Bool { answer == .ended || responder == nil }

    /// Sends the whole answer. `content-length` is added; names should be in lower case; bytes in values that
    /// HTTP does not allow are sent as spaces. No body is sent to HEAD, nor with 204 and 304.
    package func respond(status: Int, headers: [(String, String)] = [], body: ByteBuffer? = nil) {
        guard answer == .none, let responder else { return }
        self.status = status
        if let body, method != "HEAD" { sentBytes = body.readableBytes }
        let more = traceFields + addedFields(beside: { name in headers.contains { $0.0 == name } })
        ended()
        responder.respond(self, status, more.isEmpty ? headers : headers + more, body)
    }

    /// Starts a streamed answer. Without a `content-length` among `headers` HTTP/1.1 sends it chunked.
    package func respondHead(status: Int, headers: [(String, String)] = []) {
        respondHead(status: status, fields: HeaderFields(headers))
    }

    /// The same with fields of another message.
    package func respondHead(status: Int, fields headers: HeaderFields) {
        guard answer == .none, let responder else { return }
        answer = .started
        self.status = status
        var headers = headers
        for (name, value) in traceFields + addedFields(beside: { headers[$0] != nil }) { headers.append(name, value) }
        responder.startResponse(self, status, headers)
    }

    /// Goes on as a WebSocket, which `offersWebSocket` must say: what the peer sends goes to `receiver`, in parts as a streamed body; `write`
    /// and `end` send. `headers`: of the answer, but for those of the connection. The request is observed now, with the status 101.
    package func acceptWebSocket(headers: HeaderFields, to receiver: any HTTPBodyReceiver) {
        guard answer == .none, upgrade == .offered, let responder else { return }
        answer = .started
        status = 101
        var headers = headers
        for (name, value) in traceFields + addedFields(beside: { headers[$0] != nil }) { headers.append(name, value) }
        upgrade = .done
        self.receiver = receiver
        isBodyComplete = isEarlyInputEnded
        isBodyDelivered = false
        mayDeliver = true
        responder.startWebSocket(self, headers)
        if parked.readableBytes > 0 || isBodyComplete { responder.scheduleTurn(self) }
        if startedAt != 0, let observe = handler.observe { observe(self, status, NIODeadline.now().uptimeNanoseconds &- startedAt) }
    }

    /// `answerFields`, but for what the answer says by itself; `vary` is a list.
    private func addedFields(beside isThere: (String) -> Bool) -> [(String, String)] {
        answerFields?.pairs.filter { $0.0 == "vary" || !isThere($0.0) } ?? []
    }

    /// The trace of the request, for callers that have one or whose request is recorded.
    private var traceFields: [(String, String)] {
        // One that stands for another leaves it to that.
        guard startedAt != 0, let activity, activity.isTold, let live = activity.live, live.tellsCaller else { return [] }
        return live.fields
    }

    /// Sends part of a streamed answer. False means that the outgoing buffer is above its high-water mark: wait for
    /// `onWritable`. A sender that never waits is broken off at `Server.Limits.maxSendBuffer`.
    @discardableResult
    package func write(_ bytes: ByteBuffer) -> Bool {
        guard answer == .started, let responder else { return false }
        sentBytes &+= bytes.readableBytes
        return responder.writeBody(self, bytes)
    }

    /// Ends a streamed answer.
    package func end() {
        guard answer == .started, let responder else { return }
        ended()
        responder.endResponse(self)
    }

    /// Breaks off: HTTP/2 resets the stream, HTTP/1.1 closes the connection, so that the client can't take a cut
    /// answer for a complete one.
    package func abort() {
        guard answer != .ended, let responder else { return }
        ended()
        responder.abort(self)
    }

    /// Lets the next part of a streamed body come.
    package func requestMore() {
        guard receiver != nil, !mayDeliver, let responder else { return }
        mayDeliver = true
        responder.scheduleTurn(self)
    }

    /// Counts bytes that are kept for this request, until it ends, among those that the event loop holds for all of its
    /// connections. False when that would be too many: then they should not be kept.
    package func hold(_ count: Int) -> Bool {
        guard !isEnded, loop.hold(count) else { return false }
        held += count
        return true
    }

    // MARK: Life

    private func ended() {
        answer = .ended
        if onCancel != nil { onCancel = nil }
        if onWritable != nil { onWritable = nil }
        receiver = nil
        isDiscarding = true
        // What nobody has taken is read away like the rest.
        if parked.readableBytes > 0 {
            let count = parked.readableBytes
            parked = ByteBuffer()
            discarded += count
            responder?.consumed(self, count)
        }
        if startedAt != 0, upgrade != .done, let observe = handler.observe {
            observe(self, status, NIODeadline.now().uptimeNanoseconds &- startedAt)
        }
        releaseBody()
    }

    private func releaseBody() {
        loop.release(held)
        held = 0
    }

    /// The answer will not reach anybody.
    func cancel(_ reason: GRPCCancelReason) {
        guard !isEnded else { return }
        let callback = onCancel
        ended()
        callback?(reason)
    }

    /// The stream or the connection is done with this request.
    func streamClosed(_ reason: GRPCCancelReason) {
        cancel(reason)
        releaseBody()
        responder = nil
    }

    /// The peer broke a rule: lets the handler render why.
    func refuse(status: Int, _ message: String) {
        guard !isEnded else { return }
        if answer == .started { return abortRefused() }
        let callback = onCancel
        onCancel = nil
        isDiscarding = true
        receiver = nil
        handler.reject(self, status: status, message: message)
        if answer == .none { respond(status: status) }
        callback?(.rejected)
    }

    private func abortRefused() {
        let callback = onCancel
        abort()
        callback?(.rejected)
    }
}

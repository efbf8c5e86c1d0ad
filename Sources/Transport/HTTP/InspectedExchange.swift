package import NIOCore

/// One request on its way by an inspector: its handler gets another request in its place, whose answer comes back here. Bodies go
/// through as they come unless the inspector wants them whole.
package final class InspectedExchange: HTTPBodyReceiver {
    let outer: HTTPRequest
    let inspector: any HTTPInspector
    private let handler: any HTTPHandler
    private var message: HTTPMessage
    private let hasBody: Bool
    /// What the handler has; nil before the inspector has let it through.
    private(set) var inner: HTTPRequest?
    private var stage = Stage.preparing
    /// Of the request's body: what is collected, or what came before there was an `inner`.
    private var body = ByteBuffer()
    private var isBodyComplete = false
    var answer = InspectedAnswer()

    private enum Stage { case preparing, collecting, inspecting, passing, discarding, ended }

    private init(_ outer: HTTPRequest, _ message: HTTPMessage, _ inspector: any HTTPInspector, _ handler: any HTTPHandler) {
        self.outer = outer
        self.message = message
        self.inspector = inspector
        self.handler = handler
        hasBody = outer.expectsBody
    }

    /// To be called from `HTTPHandler.open`, with its result. `handler` gets the request as `target` and `headers` and the inspector
    /// make it.
    package static func open(
        _ request: HTTPRequest, target: String, headers: HeaderFields, inspector: any HTTPInspector, handler: any HTTPHandler
    ) -> HTTPBodyMode {
        let message = HTTPMessage(method: request.method, target: target, headers: headers.withoutFraming)
        let exchange = InspectedExchange(request, message, inspector, handler)
        request.onCancel = { exchange.cancelled($0) }
        exchange.prepare()
        return .streamed(exchange)
    }

    private func prepare() {
        inspector.prepare { [self] collects in
            guard stage == .preparing else { return }
            guard collects, hasBody else { return inspect(collects ? body : nil) }
            stage = .collecting
            let first = body
            body = ByteBuffer()
            if first.readableBytes > 0 { receive(first) }
            if isBodyComplete, stage == .collecting { inspect(body) }
        }
    }

    private func inspect(_ collected: ByteBuffer?) {
        stage = .inspecting
        message.body = collected
        inspector.inspect(request: message) { [self] verdict in
            guard stage == .inspecting else { return }
            switch verdict {
            case .answer(let answer):
                stage = .discarding
                outer.respond(status: answer.status, headers: answer.headers.pairs, body: answer.body)
                finish()
            case .goOn(let message): pass(message, collected)
            }
        }
    }

    private func pass(_ message: HTTPMessage, _ collected: ByteBuffer?) {
        let whole = message.hasNewBody ? message.body : collected
        var headers = message.headers
        if let whole {
            if whole.readableBytes > 0 || hasBody { headers.append("content-length" as StaticString, String(whole.readableBytes)) }
        } else if hasBody, let length = outer.headers["content-length" as StaticString] {
            headers.append("content-length" as StaticString, length)
        }
        self.message = message
        self.message.body = nil
        stage = whole == nil ? .passing : .discarding
        let inner = HTTPRequest(for: outer, target: message.target, headers: headers, handler: handler, responder: self)
        self.inner = inner
        inner.open(isComplete: whole.map { $0.readableBytes == 0 } ?? !hasBody)
        if let whole {
            body = ByteBuffer()
            if whole.readableBytes > 0 { inner.receive(whole) }
            inner.receiveEnd()
            // What still comes is not wanted.
            outer.requestMore()
        } else {
            let first = body
            body = ByteBuffer()
            if first.readableBytes > 0 { inner.receive(first) }
            if isBodyComplete { inner.receiveEnd() }
        }
    }

    // MARK: The body of the request

    package func receive(_ bytes: ByteBuffer) {
        switch stage {
        case .preparing, .inspecting: body.writeImmutableBuffer(bytes)
        case .collecting:
            guard body.readableBytes + bytes.readableBytes <= outer.loop.limits.maxBodySize else {
                return refuse(413, "The request body exceeds the limit of \(outer.loop.limits.maxBodySize) bytes; raise it with --max-body-size.")
            }
            guard outer.hold(bytes.readableBytes) else {
                return refuse(503, "The server holds too many bytes of requests already; try again later.")
            }
            body.writeImmutableBuffer(bytes)
            outer.requestMore()
        case .passing: inner?.receive(bytes)
        case .discarding, .ended: outer.requestMore()
        }
    }

    package func end() {
        isBodyComplete = true
        switch stage {
        case .collecting: inspect(body)
        case .passing: inner?.receiveEnd()
        default: break
        }
    }

    private func refuse(_ status: Int, _ cause: String) {
        stage = .discarding
        outer.handler.reject(outer, status: status, message: cause)
        finish()
    }

    /// The request goes on as a WebSocket: what comes is neither collected nor looked at.
    func passWebSocket(_ headers: HeaderFields) {
        stage = .passing
        outer.acceptWebSocket(headers: headers, to: self)
    }

    // MARK: The end

    private func cancelled(_ reason: GRPCCancelReason) {
        guard stage != .ended else { return }
        let inner = inner
        finish()
        inspector.cancel()
        inner?.streamClosed(reason)
    }

    /// The answer is complete, or nobody waits for it.
    func finish() {
        stage = .ended
        answer.stage = .ended
        inner = nil
    }

    /// What the answer is an answer to.
    func answering(_ status: Int, _ headers: HeaderFields, _ body: ByteBuffer?) -> HTTPMessage {
        HTTPMessage(method: message.method, target: message.target, headers: headers, status: status, body: body)
    }
}

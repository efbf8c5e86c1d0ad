import NIOCore

/// How far the answer of an inspected request is.
struct InspectedAnswer {
    enum Stage { case none, collecting, inspecting, passing, ended }

    var stage = Stage.none
    var status = 0
    var headers = HeaderFields()
    /// Collected, or written while the head is looked at.
    var body = ByteBuffer()
    var isComplete = false
}

/// Takes the answer of the handler.
extension InspectedExchange: HTTPResponder {
    var peer: SocketAddress? { outer.peer }
    var isSecure: Bool { outer.isSecure }
    var peerURIs: [String] { outer.peerURIs }
    func sendContinue(_ request: HTTPRequest) {}
    func consumed(_ request: HTTPRequest, _ count: Int) { outer.requestMore() }

    func scheduleTurn(_ request: HTTPRequest) {
        let bound = NIOLoopBound(request, eventLoop: outer.eventLoop)
        outer.eventLoop.execute { bound.value.turn() }
    }

    func respond(_ request: HTTPRequest, _ status: Int, _ headers: [(String, String)], _ body: ByteBuffer?) {
        guard answer.stage == .none else { return }
        guard inspector.seesAnswers else {
            outer.respond(status: status, headers: headers, body: body)
            return finish()
        }
        answer.isComplete = true
        inspectWhole(status, HeaderFields(headers), body ?? ByteBuffer())
    }

    private func inspectWhole(_ status: Int, _ headers: HeaderFields, _ body: ByteBuffer) {
        answer.stage = .inspecting
        inspector.inspect(answer: answering(status, headers.withoutFraming, inspector.collectsAnswers ? body : nil)) { [self] message in
            guard answer.stage == .inspecting else { return }
            outer.respond(status: message.status, headers: message.headers.pairs, body: message.hasNewBody ? message.body : body)
            finish()
        }
    }

    func startResponse(_ request: HTTPRequest, _ status: Int, _ headers: HeaderFields) {
        guard answer.stage == .none else { return }
        guard inspector.seesAnswers else { return pass(status, headers) }
        answer.status = status
        answer.headers = headers
        if inspector.collectsAnswers { answer.stage = .collecting } else { inspectHead() }
    }

    func startWebSocket(_ request: HTTPRequest, _ headers: HeaderFields) {
        guard answer.stage == .none else { return }
        guard inspector.seesAnswers else { return pass(101, headers) }
        answer.status = 101
        answer.headers = headers
        inspectHead()
    }

    /// Looks at an answer without its body, which comes later or is too big.
    private func inspectHead() {
        answer.stage = .inspecting
        inspector.inspect(answer: answering(answer.status, answer.headers.withoutFraming, nil)) { [self] message in
            guard answer.stage == .inspecting else { return }
            if message.hasNewBody || (answer.status == 101) != (message.status == 101) {
                outer.respond(status: message.status, headers: message.headers.pairs, body: message.body)
                let inner = inner
                finish()
                // Nobody takes the rest of it.
                inner?.cancel(.reset)
                return
            }
            var headers = message.headers
            if let length = answer.headers["content-length" as StaticString] { headers.append("content-length" as StaticString, length) }
            pass(message.status, headers)
        }
    }

    private func pass(_ status: Int, _ headers: HeaderFields) {
        answer.stage = .passing
        answer.headers = HeaderFields()
        outer.onWritable = { [weak self] in self?.inner?.onWritable?() }
        if status == 101 { passWebSocket(headers) } else { outer.respondHead(status: status, fields: headers) }
        let first = answer.body
        answer.body = ByteBuffer()
        var goesOn = true
        if first.readableBytes > 0 { goesOn = outer.write(first) }
        if answer.isComplete {
            outer.end()
            finish()
        } else if goesOn, first.readableBytes > 0 {
            inner?.onWritable?()
        }
    }

    func writeBody(_ request: HTTPRequest, _ bytes: ByteBuffer) -> Bool {
        switch answer.stage {
        case .passing: return outer.write(bytes)
        case .collecting:
            answer.body.writeImmutableBuffer(bytes)
            if answer.body.readableBytes <= outer.loop.limits.maxBodySize, outer.hold(bytes.readableBytes) { return true }
            inspectHead()
            // It is told when it may go on.
            return false
        // One that does not wait is broken off, as any sender.
        case .inspecting:
            answer.body.writeImmutableBuffer(bytes)
            if answer.body.readableBytes > 2 * outer.loop.limits.maxBodySize + (8 << 20) { request.abort() }
            return false
        case .none, .ended: return false
        }
    }

    func endResponse(_ request: HTTPRequest) {
        answer.isComplete = true
        switch answer.stage {
        case .passing:
            outer.end()
            finish()
        case .collecting: inspectWhole(answer.status, answer.headers, answer.body)
        case .none, .inspecting, .ended: break
        }
    }

    func abort(_ request: HTTPRequest) {
        guard answer.stage != .ended else { return }
        finish()
        inspector.cancel()
        outer.abort()
    }
}

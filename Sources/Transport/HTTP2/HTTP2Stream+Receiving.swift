import CNGHTTP2
import NIOCore

extension HTTP2Connection {
    /// A new stream has begun.
    func open(_ id: Int32) -> HTTP2Stream {
        let stream = loop.takeStream()
        stream.connection = self
        stream.id = id
        stream.slot = streams.count
        stream.lastInput = loop.now
        stream.lastOutput = loop.now
        streams.append(stream)
        loop.counts.openStreams += 1
        return stream
    }
}

/// What comes in on a stream, in the order of its frames.
extension HTTP2Stream {
    /// One header field, validated by nghttp2 (RFC 9113 §8.2, §8.3).
    func receiveField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ loop: LoopContext) {
        headerBytes += name.count + value.count + 32
        guard headerBytes <= loop.maxHeaderBytes, headers.count < loop.maxHeaderCount else {
            isOversized = true
            return
        }
        guard !isHeadComplete else { return }
        if name.first == UInt8(ascii: ":") {
            receivePseudoField(name, value)
            return
        }
        switch name.count {
        case 12 where name.equals("content-type"):
            isGRPC = value.hasPrefix("application/grpc")
        case 12 where name.equals("grpc-timeout"):
            timeout = GRPCTimeout(value)
        case 13 where name.equals("grpc-encoding"):
            encoding = value.equals("identity") ? .identity : value.equals("gzip") ? .gzip : .unknown
        case 20 where name.equals("grpc-accept-encoding"):
            acceptsGzip = value.contains(token: "gzip")
        default: break
        }
        headers.append(name, value)
    }

    private func receivePseudoField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch name.count {
        case 5 where name.equals(":path"):
            path.append(contentsOf: value)
        case 7 where name.equals(":method"):
            if value.equals("POST") {
                method = .post
            } else {
                method = .other
                methodName = String(decoding: value, as: UTF8.self)
            }
        case 7 where name.equals(":scheme"):
            isSecureScheme = value.equals("https")
        case 9 where name.equals(":protocol"):
            isWebSocket = value.equals("websocket")
        case 10 where name.equals(":authority"):
            headers.append(("host" as StaticString).bytes, value)
        default: break
        }
    }

    func receiveHead(isLast: Bool) {
        guard let connection else { return }
        lastInput = connection.loop.now
        isInputEnded = isLast
        if isGRPC { openCall(connection) } else { openRequest(connection) }
        if isLast {
            if let call { call.receiveEnd() } else { request?.receiveEnd() }
        }
    }

    private func openCall(_ connection: HTTP2Connection) {
        guard method == .post else {
            var head = HeaderBatch()
            head.append(known: ":status", "405")
            head.append(known: "allow", "POST")
            submitHead(head, hasBody: false)
            return
        }
        let call = connection.loop.takeCall()
        self.call = call
        call.open(self, connection.loop)
    }

    private func openRequest(_ connection: HTTP2Connection) {
        let target = String(validating: path, as: UTF8.self)
        let isWebSocket = isWebSocket && methodName == "CONNECT"
        let request = HTTPRequest(
            loop: connection.loop, version: .http2, method: method == .post ? "POST" : isWebSocket ? "GET" : methodName, target: target ?? "", headers: headers)
        request.responder = self
        self.request = request
        connection.loop.counts.requests &+= 1
        if isOversized {
            connection.loop.count(.headersTooLarge)
            request.refuse(status: 431, "The request headers exceed the limits of this server.")
        } else if target == nil {
            connection.loop.count(.malformedHTTP2)
            request.refuse(status: 400, "The path of the request is not valid UTF-8.")
        } else if request.method == "CONNECT" {
            request.refuse(status: 405, "This server is not a proxy.")
        } else if isWebSocket {
            request.upgrade = .offered
            request.open(isComplete: true)
            request.receiveEnd()
        } else {
            request.open(isComplete: isInputEnded)
        }
    }

    func receiveData(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {
        guard let connection else { return }
        lastInput = connection.loop.now
        if let call {
            call.receive(bytes, inLastFrame: inLastFrame)
        } else if let request {
            request.receive(ByteBuffer(bytes: bytes))
        } else {
            consume(bytes.count)
        }
    }

    func receiveEnd() {
        guard !isInputEnded else { return }
        isInputEnded = true
        if let call { call.receiveEnd() } else { request?.receiveEnd() }
    }

    /// What was put off to the end of the turn.
    func turn() {
        if let call { return call.turn() }
        guard let request else { return }
        request.turn()
        if owesWritable, !isAboveHighWater, !request.isEnded {
            owesWritable = false
            request.onWritable?()
        }
    }

    func cancelled(_ reason: GRPCCancelReason) {
        if let call { call.cancel(reason) } else { request?.cancel(reason) }
    }

    /// nghttp2 has forgotten the stream: lets go of whoever used it and becomes free for another.
    func closed(_ reason: GRPCCancelReason, _ loop: LoopContext) {
        if call != nil {
            call?.streamClosed(reason)
            // Only a call that nobody else holds may be used again.
            if isKnownUniquelyReferenced(&call), let call {
                call.reset()
                loop.put(call)
            }
            call = nil
        }
        if let request {
            request.streamClosed(reason)
            self.request = nil
        }
        reset()
        loop.put(self)
    }

    // MARK: Time

    func isLate(_ now: NIODeadline, _ limits: Server.Limits) -> Bool {
        if isStalled(now, limits) { return true }
        return !isInputEnded && isHeadComplete && (call?.awaitsBody ?? request?.awaitsBody ?? true)
            && now - lastInput > TimeAmount(limits.bodyTimeout)
    }

    private func isStalled(_ now: NIODeadline, _ limits: Server.Limits) -> Bool {
        outgoing.readableBytes > 0 && isHeadSent && now - lastOutput > TimeAmount(limits.writeTimeout)
    }

    /// The peer takes or sends nothing for too long.
    func giveUp(_ now: NIODeadline, _ loop: LoopContext) {
        if isStalled(now, loop.limits) {
            loop.count(.slowReader)
            cancelled(.rejected)
            reset(withCode: NGHTTP2_CANCEL)
            return
        }
        loop.count(.slowBody)
        if let call {
            call.refuse(GRPCStatus(.deadlineExceeded, "The request message did not arrive in time."))
        } else if let request {
            request.refuse(status: 408, "The request body did not arrive in time.")
        } else {
            reset(withCode: NGHTTP2_CANCEL)
        }
    }
}

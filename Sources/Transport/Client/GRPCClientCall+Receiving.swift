import NIOCore

/// What comes back on a call: head, messages, status.
extension GRPCClientCall {
    /// Lets `count` more messages come in. Without credit, bytes stay unconsumed and HTTP/2 flow control holds the server
    /// back. Messages that have arrived are delivered at the end of the turn, not from inside this.
    package func requestMore(_ count: Int) {
        guard count > 0, !isEnded else { return }
        let sum = credits.addingReportingOverflow(count)
        credits = sum.overflow ? .max : sum.partialValue
        if inbox.readableBytes > 0 || unconsumed > 0 { loop?.needsTurn(self) }
    }

    func take(head status: Int, _ headers: HeaderFields, isLast: Bool) {
        let isGRPC = headers.withValue("content-type") { $0.hasPrefix("application/grpc") } ?? false
        guard status == 200, isGRPC else {
            // A proxy or a server of something else (gRPC: http-grpc-status-mapping.md).
            let what = isGRPC ? "" : " and a body that is not gRPC"
            return stop(
                with: GRPCStatus(
                    Self.code(of: status), "\(pool?.name ?? "The peer") answered with HTTP status \(status)\(what)."))
        }
        if let encoding = headers["grpc-encoding" as StaticString], encoding != "identity" {
            guard encoding == "gzip" else {
                return stop(with: GRPCStatus(.internal, "The reply has the compression '\(encoding)', which was not offered."))
            }
            isGzip = true
        }
        if isLast { take(trailers: headers) } else { handOn(metadata: headers) }
    }

    func take(trailers headers: HeaderFields) {
        trailers = headers
        guard let text = headers["grpc-status" as StaticString] else { return }
        guard let number = Int(text) else {
            status = GRPCStatus(.unknown, "The server sent a grpc-status that is no number.")
            return
        }
        status = GRPCStatus(
            GRPCCode(rawValue: number) ?? .unknown,
            headers.withValue("grpc-message") { PercentEncoding.decode($0) } ?? "",
            details: headers["grpc-status-details-bin" as StaticString].flatMap { Base64.decode($0.utf8) } ?? [])
    }

    func take(data bytes: UnsafeRawBufferPointer) {
        guard !isEnded, let limits = loop?.limits else { return }
        if isUnary {
            // The one message is kept until the status is there.
            guard inbox.readableBytes + bytes.count <= limits.maxResponseSize + 5 else { return refuseTooLarge(limits) }
            inbox.writeBytes(bytes)
            carrier?.consumed(self, bytes.count)
            return
        }
        var rest = bytes
        while inbox.readableBytes == 0, credits > 0, !isEnded, let length = wholeMessage(rest) {
            handOn(flag: rest[0], UnsafeRawBufferPointer(rebasing: rest[5..<5 + length]))
            rest = UnsafeRawBufferPointer(rebasing: rest[(5 + length)...])
        }
        guard !isEnded else { return }
        carrier?.consumed(self, bytes.count - rest.count)
        guard !rest.isEmpty else { return }
        if inbox.readableBytes == 0 { inbox.clear() }
        inbox.writeBytes(rest)
        unconsumed += rest.count
        deliver()
    }

    func takeEnd() {
        isInputComplete = true
        if isUnary { endUnary() } else { deliver() }
    }

    func deliver() {
        while credits > 0, !isEnded {
            // The copy shares the memory and keeps it in place while the receiver uses it.
            let view = inbox
            let isMore = view.withUnsafeReadableBytes { bytes -> Bool in
                guard let length = wholeMessage(bytes) else { return false }
                inbox.moveReaderIndex(forwardBy: 5 + length)
                handOn(flag: bytes[0], UnsafeRawBufferPointer(rebasing: bytes[5..<5 + length]))
                return true
            }
            if !isMore { break }
        }
        guard !isEnded else { return }
        if credits > 0, unconsumed > 0 {
            let count = unconsumed
            unconsumed = 0
            carrier?.consumed(self, count)
        }
        guard isInputComplete else { return }
        if inbox.readableBytes == 0 {
            end(finalStatus, UnsafeRawBufferPointer(start: nil, count: 0))
        } else if status.map({ $0.code != .ok }) ?? false {
            // Whoever fails may leave a message unfinished.
            if credits > 0 { end(finalStatus, UnsafeRawBufferPointer(start: nil, count: 0)) }
        } else if inbox.withUnsafeReadableBytes({ wholeMessage($0) }) == nil, !isEnded {
            end(Self.cut, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    private func endUnary() {
        let status = finalStatus
        guard status.code == .ok else { return end(status, UnsafeRawBufferPointer(start: nil, count: 0)) }
        let view = inbox
        view.withUnsafeReadableBytes { bytes in
            guard let length = wholeMessage(bytes) else {
                if !isEnded { end(Self.cut, UnsafeRawBufferPointer(start: nil, count: 0)) }
                return
            }
            guard bytes.count == 5 + length else {
                let text = "The server sent more than the one message of a unary call."
                return end(GRPCStatus(.internal, text), UnsafeRawBufferPointer(start: nil, count: 0))
            }
            withPlain(bytes[0], UnsafeRawBufferPointer(rebasing: bytes[5...])) { end(status, $0) }
        }
    }

    private var finalStatus: GRPCStatus {
        status ?? GRPCStatus(.unknown, "\(pool?.name ?? "The peer") ended the call without a status.")
    }

    private static let cut = GRPCStatus(.internal, "The call ended inside of a message.")

    // MARK: Pieces

    /// The length of the message at the start of `bytes`; nil when it is not all there, or was refused.
    private func wholeMessage(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= 5, let limits = loop?.limits else { return nil }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard length <= limits.maxResponseSize else {
            refuseTooLarge(limits)
            return nil
        }
        return bytes.count - 5 >= length ? length : nil
    }

    private func handOn(flag: UInt8, _ message: UnsafeRawBufferPointer) { withPlain(flag, message) { handOn($0) } }

    /// Runs `body` on the message, decompressed if it has to be.
    private func withPlain(_ flag: UInt8, _ message: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard flag != 0 else { return body(message) }
        guard flag == 1, isGzip, let limits = loop?.limits else {
            return stop(with: GRPCStatus(.internal, "A message is compressed, but grpc-encoding names no compression."))
        }
        switch Gzip.decompress(message, limit: limits.maxResponseSize) {
        case .success(let plain): plain.withUnsafeReadableBytes(body)
        case .failure(.tooLarge): refuseTooLarge(limits)
        case .failure(.malformed): stop(with: GRPCStatus(.internal, "A message is not valid gzip."))
        }
    }

    private func refuseTooLarge(_ limits: ClientLimits) {
        stop(
            with: GRPCStatus(
                .resourceExhausted, "A message exceeds the limit of \(limits.maxResponseSize) bytes."))
    }

    /// Ends the call from our side with a status of ours.
    private func stop(with status: GRPCStatus) {
        guard !isEnded else { return }
        let carrier = carrier
        end(status, UnsafeRawBufferPointer(start: nil, count: 0))
        carrier?.abort(self)
    }

    private static func code(of status: Int) -> GRPCCode {
        switch status {
        case 400: .internal
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }
}

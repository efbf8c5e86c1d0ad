import CNGHTTP2
import NIOCore

/// Header blocks and ends as nghttp2 tells them, in the order of their frames.
extension ClientExchange {
    func beginBlock(_ connection: HTTP2ClientConnection) {
        // Blocks don't interleave (RFC 9113 §4.3): one memory serves all exchanges of the connection.
        swap(&block, &connection.blockMemory)
        block.clear()
        blockBytes = 0
        blockStatus = 0
        isOversized = false
    }

    /// One field, validated by nghttp2 (RFC 9113 §8.2, §8.3).
    func addField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard let limits = loop?.limits, !isEnded else { return }
        blockBytes += name.count + value.count + 32
        guard blockBytes <= limits.maxHeaderBytes, block.count < limits.maxHeaderCount else {
            isOversized = true
            return
        }
        if name.first == UInt8(ascii: ":") {
            blockStatus = value.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
        } else {
            block.append(name, value)
        }
    }

    func endBlock(isLast: Bool, _ connection: HTTP2ClientConnection) {
        defer { swap(&block, &connection.blockMemory) }
        guard !isEnded else { return }
        if isOversized {
            let text = "The response of \(connection.pool.name) is refused: its header fields exceed the limits."
            return stop(ClientError(.tooLarge, text, mayHaveBeenSeen: true))
        }
        if isHeadReceived {
            receiveTrailers(block)
        } else if blockStatus >= 200 {
            isHeadReceived = true
            if isWebSocket { readUpgrade() }
            receiveHead(blockStatus, block, isLast: isLast)
        } else {
            return
        }
        if isLast { endInput(connection) }
    }

    /// Every success is one of the upgrade (RFC 8441 §5); a runtime says in a field that an app's is not.
    private func readUpgrade() {
        if 200..<300 ~= blockStatus {
            blockStatus = 101
        } else if let status = block["octavo-status" as StaticString].flatMap({ Int($0) }), 200..<300 ~= status {
            blockStatus = status
        }
        block = block.without { WebSocketHandshake.isStatus($0) }
    }

    func endInput(_ connection: HTTP2ClientConnection) {
        guard !isEnded, !isInputDone else { return }
        isInputDone = true
        // The server has answered before it had everything; it need not have the rest (RFC 9113 §8.1).
        if !isOutputEnded || outgoing.readableBytes > 0 { connection.reset(self, NGHTTP2_CANCEL) }
        receiveEnd()
    }
}

import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// A peer that sends no more, and a connection that goes on as a WebSocket.
extension HTTP1Connection {
    /// The end of what the peer sends. Whether it has gone as a whole or waits for its answers can't be told from that: who is gone shows it
    /// when it is written to, or when the kernel asks after it.
    func inputClosed(_ context: ChannelHandlerContext) {
        guard !isInputClosed else { return }
        isInputClosed = true
        lastInput = loop.now
        if isClosing {
            // It has nothing more to say that a close could make the kernel answer.
            if closingSince != nil { closeNow() }
            return
        }
        work()
        if current != nil, !isClosing { lookAfterPeer() }
    }

    private func lookAfterPeer() {
        for (option, value) in Self.lookAfterPeer { context?.channel.setOption(option, value: value).whenFailure { _ in } }
    }

    /// A peer that has gone answers its kernel's for a minute (tcp_fin_timeout), and then no more.
    private static let lookAfterPeer: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
        (.socketOption(.so_keepalive), 1), (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)), 10),
        (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL)), 10), (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPCNT)), 3),
    ]

    /// From here on this is a connection of two streams of bytes. Nobody waits for the next request; the kernel asks after the peer.
    func openTunnel() {
        isTunnel = true
        if !isInputClosed { lookAfterPeer() }
        work()
    }

    func passOn() {
        guard let current, !isClosing else { return }
        if input.readableBytes > 0 {
            let bytes = input
            input = ByteBuffer()
            current.receive(bytes)
        }
        if isInputClosed, !current.isBodyComplete { current.receiveEnd() }
        pauseReading()
    }

    /// What is left of a WebSocket whose one end has closed has this long to say something.
    static let tunnelPatience = TimeAmount.seconds(30)
}

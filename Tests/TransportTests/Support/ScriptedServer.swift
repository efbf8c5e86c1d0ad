import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

@testable import Transport

/// A server that says exactly what a test wants it to say, whatever it is asked: each connection plays the next script, the
/// last one again and again.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        /// Waits for this text among what has not been waited for yet.
        case await(String)
        case send([UInt8])
        case close
        /// Closes with RST in place of FIN.
        case reset
    }

    let port: Int
    let connections = NIOLockedValueBox(0)
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    var target: Server.Endpoint { .tcp(host: "127.0.0.1", port: port) }

    static func run<R>(_ scripts: [[Step]], _ body: (ScriptedServer) async throws -> R) async throws -> R {
        let server = try await ScriptedServer(scripts)
        let result: R
        do { result = try await body(server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
        return result
    }

    private init(_ scripts: [[Step]]) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [connections] channel in
                let index = connections.withLockedValue { count in
                    count += 1
                    return count - 1
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Player(scripts[min(index, scripts.count - 1)]))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    private func stop() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }

    static func text(_ text: String) -> Step { .send(Array(text.utf8)) }

    private final class Player: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var steps: ArraySlice<Step>
        private var seen = ""

        init(_ steps: [Step]) { self.steps = steps[...] }

        func channelActive(context: ChannelHandlerContext) { play(context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            seen += String(decoding: unwrapInboundIn(data).readableBytesView, as: UTF8.self)
            play(context)
        }

        private func play(_ context: ChannelHandlerContext) {
            while let step = steps.first {
                switch step {
                case .await(let text):
                    guard let range = seen.utf8Range(of: text) else { return }
                    seen.removeSubrange(seen.startIndex..<range)
                case .send(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
                case .close: context.close(promise: nil)
                case .reset:
                    let isSet = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                    isSet?.whenComplete { _ in bound.value.close(promise: nil) }
                }
                steps.removeFirst()
            }
        }
    }
}

extension String {
    /// The place behind `text`.
    fileprivate func utf8Range(of text: String) -> Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].utf8.starts(with: text.utf8) { return utf8.index(start, offsetBy: text.utf8.count) }
            utf8.formIndex(after: &start)
        }
        return text.isEmpty ? startIndex : nil
    }
}

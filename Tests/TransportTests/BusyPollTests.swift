import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// On a real event loop and a real socket.
@Suite("Looking before an event loop sleeps", .serialized)
struct BusyPollTests {
    /// A socket of the loop, and the other end of it.
    private struct Line {
        let loop: any EventLoop
        let channel: any Channel
        let peer: CInt
        private let read = NIOLockedValueBox(0)
        private let said = NIOLockedValueBox(0)

        private init(_ loop: any EventLoop, _ channel: any Channel, _ peer: CInt) {
            self.loop = loop
            self.channel = channel
            self.peer = peer
        }

        /// Counts what the loop has read.
        private final class Counter: ChannelInboundHandler, Sendable {
            typealias InboundIn = ByteBuffer
            let read: NIOLockedValueBox<Int>
            init(_ read: NIOLockedValueBox<Int>) { self.read = read }
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let count = unwrapInboundIn(data).readableBytes
                read.withLockedValue { $0 += count }
            }
        }

        static func with(_ body: (Line) async throws -> Void) async throws {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            var ends: [CInt] = [0, 0]
            #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            let channel = try await ClientBootstrap(group: group).withConnectedSocket(ends[0]).get()
            let line = Line(channel.eventLoop, channel, ends[1])
            try await channel.pipeline.addHandler(Counter(line.read)).get()
            try await body(line)
            // The loop may have closed its end by now.
            try? await channel.close().get()
            close(ends[1])
            try await group.shutdownGracefully()
        }

        func say() {
            said.withLockedValue { $0 += 1 }
            #expect(write(peer, "x", 1) == 1)
        }

        /// The loop has read all that was said: there is nothing to see.
        func isQuiet() async throws {
            while read.withLockedValue({ $0 }) < said.withLockedValue({ $0 }) { try await loop.submit {}.get() }
        }
    }

    @Test("finds what the loop sleeps on: ready once something has come, and not before")
    func selector() async throws {
        try await Line.with { line in
            let (before, after) = try await line.loop.submit {
                let selector = SelectorDescriptor.find(by: line.channel)
                #expect(selector >= 0)
                let before = SelectorDescriptor.isReady(selector)
                line.say()
                return (before, SelectorDescriptor.isReady(selector))
            }.get()
            #expect(!before && after)
        }
    }

    @Test("stops where nothing comes in time but for a look now and then, and looks again where that begins to pay")
    func learns() async throws {
        try await Line.with { line in
            let poll = try await line.loop.submit {
                NIOLoopBound(BusyPoll(eventLoop: line.loop, window: .milliseconds(1)), eventLoop: line.loop)
            }.get()
            func looks() async throws -> Int { try await line.loop.submit { poll.value.looks }.get() }
            func wrote() async throws {
                try await line.loop.submit { poll.value.wrote(to: line.channel) }.get()
                while try await line.loop.submit({ poll.value.isLooking }).get() {}
            }
            for _ in 0..<400 { try await wrote() }
            let misses = try await looks()
            #expect((9...20).contains(misses), "\(misses)")

            // Something comes while it looks: each chance is taken in the end.
            for _ in 0..<2000 {
                try await line.loop.submit {
                    poll.value.wrote(to: line.channel)
                    // After the first look, which would see it at once.
                    if poll.value.isLooking { line.loop.execute { line.loop.execute { line.say() } } }
                }.get()
                while try await line.loop.submit({ poll.value.isLooking }).get() {}
                try await line.isQuiet()
            }
            let before = try await looks()
            #expect(before > misses + 100, "\(before) after \(misses)")
        }
    }

    @Test("does nothing with a window of zero")
    func off() async throws {
        try await Line.with { line in
            let looks = try await line.loop.submit {
                let poll = BusyPoll(eventLoop: line.loop, window: .zero)
                for _ in 0..<10 { poll.wrote(to: line.channel) }
                return poll.looks
            }.get()
            #expect(looks == 0)
        }
    }
}

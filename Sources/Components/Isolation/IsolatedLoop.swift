import COctavoIsolation
import NIOCore
import NIOPosix

/// An event loop's part of an isolated plugin: flushes what its turn has put down, and drains when the
/// helper rings.
///
/// Sendable: everything but `turn` and the scheduling runs on the loop, and the pointer is used there alone.
final class IsolatedLoop: @unchecked Sendable {
    /// Held by everything that a loop has been asked to do.
    private let memory: IsolatedMemory
    private var raw: OpaquePointer { memory.raw }
    private let index: UInt32
    private let call: NIOLoopBound<CallLoop>
    private let eventLoop: any EventLoop
    private var doorbell: (any Channel)?
    private var refusal: Scheduled<Void>?
    /// The process that calls go to; 0: none.
    private var attached: UInt = 0
    /// Made once: a turn costs no allocation of ours.
    private var flush: (@Sendable () -> Void)!

    /// New calls wait so long for a process; then they are told that there is none.
    private static let patience = TimeAmount.milliseconds(250)

    init(_ memory: IsolatedMemory, index: Int, call: NIOLoopBound<CallLoop>) {
        self.memory = memory
        self.index = UInt32(index)
        self.call = call
        eventLoop = call.eventLoop
        flush = { [memory, index = self.index] in octavo_isolated_flush(memory.raw, index) }
    }

    /// A request was put down. On the loop.
    func turn() { eventLoop.execute(flush) }

    /// Calls go to this process from now on. From any thread; the helper is retained until it is done.
    func attach(_ helper: OpaquePointer) {
        octavo_helper_retain(helper)
        let address = UInt(bitPattern: helper)
        eventLoop.execute { [self] in
            let helper = OpaquePointer(bitPattern: address).unsafelyUnwrapped
            // One that has died on the way here leaves those who wait to the refusal that is due.
            if octavo_isolated_attach(raw, index, call.value.table, helper) == 0 {
                refusal?.cancel()
                refusal = nil
                attached = address
                listen(helper)
            }
            octavo_helper_release(helper)
        }
    }

    private func listen(_ helper: OpaquePointer) {
        let descriptor = dup(octavo_helper_doorbell(helper, index))
        guard descriptor >= 0 else {
            octavo_helper_kill(helper, "there is no descriptor left for its doorbell")
            return
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        NIOPipeBootstrap(group: eventLoop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8))
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Doorbell(memory, index))
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
            .assumeIsolated()
            .whenComplete { [self] outcome in
                switch outcome {
                case .success(let channel) where attached == UInt(bitPattern: helper): doorbell = channel
                case .success(let channel): channel.close(promise: nil) // it has died meanwhile
                case .failure: _ = close(descriptor)
                }
                // What rang before somebody listened.
                octavo_isolated_drain(raw, index)
            }
    }

    /// The process has ended. From any thread; the helper is retained until it is done.
    func detach(_ helper: OpaquePointer, trust: Int32, culprit: UInt64, blames: Bool, isFinal: Bool) {
        octavo_helper_retain(helper)
        let address = UInt(bitPattern: helper)
        eventLoop.execute { [self] in
            let helper = OpaquePointer(bitPattern: address).unsafelyUnwrapped
            if attached == address {
                doorbell?.close(promise: nil)
                doorbell = nil
                attached = 0
            }
            octavo_isolated_detach(raw, index, helper, trust, culprit, blames ? 1 : 0)
            call.value.lost(raw)
            octavo_helper_release(helper)
            refusal?.cancel()
            if isFinal {
                octavo_isolated_refuse(raw, index, 0)
            } else {
                refusal = eventLoop.assumeIsolated().scheduleTask(in: IsolatedLoop.patience) { [self] in
                    octavo_isolated_refuse(raw, index, 0)
                }
            }
        }
    }

    /// No process is to be expected soon. From any thread.
    func refuse(keepsDying: Bool) {
        eventLoop.execute { [self] in octavo_isolated_refuse(raw, index, keepsDying ? 1 : 0) }
    }

    /// Returns once everything that was asked of the loop before has been done.
    func settled() async { try? await eventLoop.submit {}.get() }

    /// Takes what the helper has answered when its doorbell rings.
    private final class Doorbell: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let memory: IsolatedMemory
        private let index: UInt32

        init(_ memory: IsolatedMemory, _ index: UInt32) {
            self.memory = memory
            self.index = index
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { octavo_isolated_drain(memory.raw, index) }
    }
}

import COctavo
import Components
import Glibc
import NIOCore

/// One caller that makes one call after the other on an event loop: the time from each submit to its answer.
final class LoneCaller: CallWaiter {
    private let ref: ComponentRef
    private let eventLoop: any EventLoop
    private let key: [UInt8]
    /// Between an answer and the next call; nil: the next turn of the loop.
    private let pause: TimeAmount?
    private var left: Int
    private var began: Int64 = 0
    private var times: [Int64] = []
    private let done: EventLoopPromise<[Int64]>

    init(_ ref: ComponentRef, on eventLoop: any EventLoop, key: [UInt8], calls: Int, pause: TimeAmount?, done: EventLoopPromise<[Int64]>) {
        self.ref = ref
        self.eventLoop = eventLoop
        self.key = key
        self.pause = pause
        left = calls
        self.done = done
        times.reserveCapacity(calls)
    }

    /// On the loop.
    func next() {
        guard left > 0 else { return done.succeed(times) }
        left -= 1
        began = monotonicNanoseconds()
        guard
            var slot = ref.open(
                OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: key.count + 8, deadline: 0, waiter: self)
        else { return }
        slot.request.pointee.key = key.withUnsafeBytes { slot.text($0) }
        slot.submit()
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        times.append(monotonicNanoseconds() - began)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        if let pause {
            eventLoop.scheduleTask(in: pause) { bound.value.next() }
        } else {
            eventLoop.execute { bound.value.next() }
        }
    }

    override func failed(_ error: CallError) { done.fail(error) }
}

/// The middle of all times, in microseconds.
func middle(_ times: [Int64]) -> Double { Double(times.sorted()[times.count / 2]) / 1000 }

/// `sched_setaffinity` and `sched_getaffinity`, which Swift's view of the C library leaves out.
private typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
private func affinity(_ name: String) -> Affinity { unsafeBitCast(dlsym(nil, name).unsafelyUnwrapped, to: Affinity.self) }
private let setBytes = 128

/// Puts a thread on one processor; 0 is the calling thread.
func pin(_ thread: pid_t, to processor: Int) {
    var set = [UInt8](repeating: 0, count: setBytes)
    set[processor / 8] = 1 << (processor % 8)
    guard affinity("sched_setaffinity")(thread, setBytes, &set) == 0 else { fail("can't use processor \(processor)") }
}

/// All threads of another process.
func pinProcess(_ process: pid_t, to processor: Int) {
    guard let folder = opendir("/proc/\(process)/task") else { fail("process \(process) is gone") }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if let thread = pid_t(name) { pin(thread, to: processor) }
    }
}

/// The processors that this process may use, lowest first.
func processors() -> [Int] {
    var set = [UInt8](repeating: 0, count: setBytes)
    _ = affinity("sched_getaffinity")(0, setBytes, &set)
    return (0..<setBytes * 8).filter { set[$0 / 8] & 1 << ($0 % 8) != 0 }
}

import NIOCore

/// What a deadline ends.
protocol Expiring: AnyObject {
    /// When the deadline is; fixed while it is in a heap.
    var expiry: NIODeadline { get }
    /// Its place in the heap; -1 outside.
    var heapIndex: Int { get set }
    /// The deadline has passed. The heap has let go of it.
    func expire()
}

extension GRPCCall: Expiring {}

/// The deadlines of open calls on one event loop, earliest first.
///
/// A call knows its place, so leaving costs O(log n) and nothing is left behind; NIO's own timer is armed for the
/// earliest deadline only, and not moved when that call ends: a client that sets a deadline on each of its calls
/// costs a heap insert at the end of an array, not a timer.
final class DeadlineHeap<Call: Expiring> {
    private let eventLoop: any EventLoop
    private var calls: [Call] = []
    private var armedFor: NIODeadline?

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    var count: Int { calls.count }

    /// Adds a call that has a deadline. The heap holds it until it is removed or expires.
    func insert(_ call: Call) {
        call.heapIndex = calls.count
        calls.append(call)
        siftUp(call.heapIndex)
        arm()
    }

    func remove(_ call: Call) {
        let index = call.heapIndex
        guard index >= 0 else { return }
        call.heapIndex = -1
        let last = calls.removeLast()
        guard last !== call else { return }
        calls[index] = last
        last.heapIndex = index
        siftUp(index)
        siftDown(last.heapIndex)
    }

    private func arm() {
        guard let earliest = calls.first?.expiry else { return }
        if let armedFor, armedFor <= earliest { return }
        armedFor = earliest
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let fire = NIOLoopBound({ bound.value.fire(earliest) }, eventLoop: eventLoop)
        eventLoop.scheduleTask(deadline: earliest) { fire.value() }
    }

    private func fire(_ deadline: NIODeadline) {
        guard armedFor == deadline else { return }
        armedFor = nil
        let now = NIODeadline.now()
        while let call = calls.first, call.expiry <= now {
            remove(call)
            call.expire()
        }
        arm()
    }

    private func siftUp(_ start: Int) {
        var index = start
        let call = calls[start]
        while index > 0 {
            let parent = (index - 1) / 2
            guard call.expiry < calls[parent].expiry else { break }
            calls[index] = calls[parent]
            calls[index].heapIndex = index
            index = parent
        }
        calls[index] = call
        call.heapIndex = index
    }

    private func siftDown(_ start: Int) {
        var index = start
        let call = calls[start]
        while true {
            var child = 2 * index + 1
            guard child < calls.count else { break }
            if child + 1 < calls.count, calls[child + 1].expiry < calls[child].expiry { child += 1 }
            guard calls[child].expiry < call.expiry else { break }
            calls[index] = calls[child]
            calls[index].heapIndex = index
            index = child
        }
        calls[index] = call
        call.heapIndex = index
    }
}

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
    /// A call, held until it is removed: to compare and to move it costs no counting of references.
    private struct Entry {
        let expiry: NIODeadline
        let call: Unmanaged<Call>

        func set(place: Int) { call._withUnsafeGuaranteedRef { $0.heapIndex = place } }
    }

    private let eventLoop: any EventLoop
    private var entries: [Entry] = []
    private var armedFor: NIODeadline?

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    deinit { for entry in entries { entry.call.release() } }

    var count: Int { entries.count }

    /// Adds a call that has a deadline. The heap holds it until it is removed or expires.
    func insert(_ call: Call) {
        call.heapIndex = entries.count
        entries.append(Entry(expiry: call.expiry, call: Unmanaged.passRetained(call)))
        siftUp(call.heapIndex)
        arm()
    }

    func remove(_ call: Call) {
        let index = call.heapIndex
        guard index >= 0 else { return }
        call.heapIndex = -1
        let last = entries.removeLast()
        defer { Unmanaged.passUnretained(call).release() }
        guard index < entries.count else { return }
        entries[index] = last
        last.set(place: index)
        if siftUp(index) == index { siftDown(index) }
    }

    private func arm() {
        guard let earliest = entries.first?.expiry else { return }
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
        while let first = entries.first, first.expiry <= now {
            let call = first.call.takeUnretainedValue()
            remove(call)
            call.expire()
        }
        arm()
    }

    /// Where it is then.
    @discardableResult
    private func siftUp(_ start: Int) -> Int {
        entries.withUnsafeMutableBufferPointer { entries in
            var index = start
            let entry = entries[start]
            while index > 0 {
                let parent = (index - 1) / 2
                guard entry.expiry < entries[parent].expiry else { break }
                entries[index] = entries[parent]
                entries[index].set(place: index)
                index = parent
            }
            guard index != start else { return index }
            entries[index] = entry
            entry.set(place: index)
            return index
        }
    }

    private func siftDown(_ start: Int) {
        entries.withUnsafeMutableBufferPointer { entries in
            var index = start
            let entry = entries[start]
            while true {
                var child = 2 * index + 1
                guard child < entries.count else { break }
                if child + 1 < entries.count, entries[child + 1].expiry < entries[child].expiry { child += 1 }
                guard entries[child].expiry < entry.expiry else { break }
                entries[index] = entries[child]
                entries[index].set(place: index)
                index = child
            }
            guard index != start else { return }
            entries[index] = entry
            entry.set(place: index)
        }
    }
}

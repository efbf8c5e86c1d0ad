package import COctavo
import COctavoHost
import Glibc

/// A request being put together in the memory of its call, which stays where it is until the plugin
/// has completed. Used at once, on the event loop that opened it; must end in `submit()`.
package struct RequestSlot<Request> {
    let slot: UnsafeMutablePointer<octavo_slot>
    /// Not retained, which two times a call would cost more than the rest of it: the request is put together
    /// and submitted in one go, while its caller and the loop hold the component.
    let ref: Unmanaged<ComponentRef>
    let counters: UnsafeMutablePointer<octavo_instance_counters>
    var used: Int
    /// Of a call that follows policies; the slot holds it.
    var governed: Unmanaged<GovernedCall>?

    /// The request structure: zeroed but for its head's size and deadline.
    package var request: UnsafeMutablePointer<Request> {
        UnsafeMutableRawPointer(slot.pointee.frame).assumingMemoryBound(to: Request.self)
    }

    private mutating func reserve(_ count: Int, alignment: Int = 1) -> UnsafeMutableRawPointer {
        let at = (used + alignment - 1) & ~(alignment - 1)
        precondition(count <= Int(slot.pointee.frame_size) - at, "a request outgrew the room that was asked for")
        used = at + count
        return UnsafeMutableRawPointer(slot.pointee.frame) + at
    }

    /// Copies text into the request.
    package mutating func text(_ bytes: UnsafeRawBufferPointer) -> octavo_str {
        let memory = reserve(max(bytes.count, 1))
        if let from = bytes.baseAddress { memcpy(memory, from, bytes.count) }
        return octavo_str(data: memory.assumingMemoryBound(to: CChar.self), size: UInt64(bytes.count))
    }

    /// Copies two pieces of text, one after the other.
    package mutating func text(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> octavo_str {
        let memory = reserve(max(first.count + second.count, 1))
        if let from = first.baseAddress { memcpy(memory, from, first.count) }
        if let from = second.baseAddress { memcpy(memory + first.count, from, second.count) }
        return octavo_str(
            data: memory.assumingMemoryBound(to: CChar.self), size: UInt64(first.count + second.count))
    }

    package mutating func text(_ string: String) -> octavo_str {
        var string = string
        return string.withUTF8 { text(UnsafeRawBufferPointer($0)) }
    }

    /// Copies a payload into the request.
    package mutating func bytes(_ bytes: UnsafeRawBufferPointer) -> octavo_bytes {
        let copy = text(bytes)
        return octavo_bytes(data: UnsafeRawPointer(copy.data.unsafelyUnwrapped).assumingMemoryBound(to: UInt8.self),
            size: copy.size)
    }

    /// Room for `count` zeroed elements and the list that names them.
    package mutating func list<Element>(
        of type: Element.Type, count: Int
    ) -> (elements: UnsafeMutableBufferPointer<Element>, list: octavo_list) {
        let size = MemoryLayout<Element>.stride
        let memory = reserve(count * size, alignment: 8)
        memset(memory, 0, count * size)
        let elements = UnsafeMutableBufferPointer(
            start: memory.assumingMemoryBound(to: Element.self), count: count)
        return (elements, octavo_list(items: count == 0 ? nil : memory, count: UInt32(count), stride: UInt32(size)))
    }

    /// Copies pairs into the request.
    package mutating func pairs(_ pairs: [(String, String)]) -> octavo_list {
        if pairs.isEmpty { return octavo_list() }
        let (elements, list) = self.list(of: octavo_pair.self, count: pairs.count)
        for (index, pair) in pairs.enumerated() {
            elements[index] = octavo_pair(name: text(pair.0), value: text(pair.1))
        }
        return list
    }

    /// Hands the request to the plugin, or keeps it while the component is being replaced. The waiter may
    /// be called before this returns.
    @discardableResult
    package consuming func submit() -> CallHandle {
        if let governed { return submit(by: governed.takeUnretainedValue()) }
        let handle = CallHandle(slot: slot, call: octavo_calls_handle(slot))
        ref._withUnsafeGuaranteedRef { ref in
            if ref.isParked {
                ref.park(slot)
            } else {
                ref.loop.submit(slot, counters)
            }
        }
        return handle
    }
}

extension RequestSlot {
    private func submit(by governed: GovernedCall) -> CallHandle {
        let call = octavo_calls_handle(slot)
        governed.submit(slot)
        return CallHandle(slot: slot, call: call, governed: governed)
    }

    /// Hands the request to its instance, also while the component's calls wait for another one.
    consuming func submitNow() {
        ref._withUnsafeGuaranteedRef { $0.loop.submit(slot, counters) }
    }
}

/// A call under way, for its caller to give up on. On the event loop that opened it.
package struct CallHandle {
    let slot: UnsafeMutablePointer<octavo_slot>
    let call: octavo_call
    /// Of a call that follows policies: it may be in another slot by now.
    var governed: GovernedCall?

    init(slot: UnsafeMutablePointer<octavo_slot>, call: octavo_call, governed: GovernedCall? = nil) {
        self.slot = slot
        self.call = call
        self.governed = governed
    }

    /// Whether the waiter will still be called.
    package var isOpen: Bool {
        if let present = governed?.handle { return present.isSlotOpen }
        return isSlotOpen
    }

    private var isSlotOpen: Bool { octavo_slot_is_open(slot, call) != 0 }

    /// The caller has gone: its waiter is released and not called. No effect on a call that has ended.
    package func cancel() {
        governed?.cancel()
        (governed?.handle ?? self).cancelSlot()
    }

    private func cancelSlot() {
        if isSlotOpen { CallLoop.of(slot).expire(slot, with: nil) }
    }
}

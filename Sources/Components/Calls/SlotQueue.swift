import COctavo
import COctavoHost

/// Calls that were built and not given to a plugin yet, first in, first out. Linked through the slots
/// themselves, so it allocates nothing.
struct SlotQueue {
    private var first: UnsafeMutablePointer<octavo_slot>?
    private var last: UnsafeMutablePointer<octavo_slot>?

    var isEmpty: Bool { first == nil }

    mutating func append(_ slot: UnsafeMutablePointer<octavo_slot>) {
        slot.pointee.held = 1
        slot.pointee.queued = nil
        if let last { last.pointee.queued = slot } else { first = slot }
        last = slot
    }

    mutating func popFirst() -> UnsafeMutablePointer<octavo_slot>? {
        guard let slot = first else { return nil }
        first = slot.pointee.queued
        if first == nil { last = nil }
        slot.pointee.queued = nil
        slot.pointee.held = 0
        return slot
    }
}

/// What a component that holds its state in memory overrides, so that a reload takes it along
/// (`octavo.handoff/1`). No operation is called while it goes on.
open class StateHolder: StateStore {
    /// The number of the format of the pieces: old and new build must have the same.
    open var handoffFormat: UInt32 { 1 }
    /// Gives the whole state piece by piece to `sink`, which copies it; goes on while that is `true`. Control
    /// thread.
    open func exportState(_ sink: (Bytes) -> Bool) {}
    /// Takes one piece, in the order of the export. `false`: it can't be used, and the reload is given up.
    /// Control thread.
    open func importState(_ piece: Bytes) -> Bool { false }

    private var table: UnsafeMutablePointer<octavo_handoff>?

    deinit { table?.deallocate() }

    override func find(_ id: Str) -> UnsafeRawPointer? {
        guard id.equals("octavo.handoff/1") else { return nil }
        if table == nil {
            let made = UnsafeMutablePointer<octavo_handoff>.allocate(capacity: 1)
            made.initialize(to: octavo_handoff(
                size: UInt32(MemoryLayout<octavo_handoff>.size), format: handoffFormat,
                export_state: { pointer, sink, argument in
                    var answer = OCTAVO_OK
                    Unmanaged<StateHolder>.fromOpaque(pointer).takeUnretainedValue().exportState { piece in
                        answer = sink(argument, piece)
                        return answer == OCTAVO_OK
                    }
                    return answer
                },
                import_state: { pointer, piece in
                    Unmanaged<StateHolder>.fromOpaque(pointer).takeUnretainedValue().importState(piece)
                        ? OCTAVO_OK : OCTAVO_FAILED
                }))
            table = made
        }
        return UnsafeRawPointer(table!)
    }
}

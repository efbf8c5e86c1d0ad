import COctavoIsolation

/// What the C side has of an isolated plugin. Freed with the last that may use it: what event loops have been asked to do outlives
/// the plugin's end when they are shut down at the same time.
///
/// Sendable: both pointers are constant, and what they point at has its own locks.
final class IsolatedMemory: @unchecked Sendable {
    let raw: OpaquePointer
    /// What the C side calls the plugin by; its reference is given back when no process is left to call it.
    let context: UnsafeMutablePointer<Unmanaged<IsolatedPlugin>?>

    /// Takes both over.
    init(_ raw: OpaquePointer, context: UnsafeMutablePointer<Unmanaged<IsolatedPlugin>?>) {
        self.raw = raw
        self.context = context
    }

    deinit {
        octavo_isolated_free(raw)
        context.deallocate()
    }
}

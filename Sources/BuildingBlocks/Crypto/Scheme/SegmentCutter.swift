/// Cuts a stream into segments of one size, however its parts come. Which segment is the last shows only at the end, so
/// a whole one is held back until another byte has come. A value without I/O.
package struct SegmentCutter {
    private let size: Int
    private var held: [UInt8] = []

    package init(size: Int) {
        self.size = size
    }

    /// Gives `body` each segment that is not the last. A segment that lies whole in `bytes` is not copied.
    package mutating func add<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = bytes[...]
        while held.count + rest.count > size {
            if held.isEmpty {
                try body(UnsafeRawBufferPointer(rebasing: rest.prefix(size)))
                rest = rest.dropFirst(size)
            } else {
                let missing = size - held.count
                held.append(contentsOf: rest.prefix(missing))
                rest = rest.dropFirst(missing)
                try flush(body)
            }
        }
        held.append(contentsOf: rest)
    }

    /// Gives `body` the last segment; not when nothing has come at all.
    package mutating func end<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        if !held.isEmpty { try flush(body) }
    }

    private mutating func flush<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let result = held.withUnsafeBytes { bytes -> Result<Void, Failure> in
            do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        held.removeAll(keepingCapacity: true)
        try result.get()
    }
}

import PluginKit

/// Bytes that come in at the end and go out at the front.
final class ByteQueue {
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var end = 0

    init() {
        capacity = 16 << 10
        memory = .allocate(capacity: capacity)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }
    var front: UnsafeMutablePointer<UInt8> { memory + start }

    /// Room for at least `size` more bytes at the end.
    func room(_ size: Int) -> UnsafeMutableBufferPointer<UInt8> {
        if capacity - end < size {
            if capacity - count >= size, start >= count {
                memcpy(memory, memory + start, count)
            } else {
                var bigger = capacity * 2
                while bigger - count < size { bigger *= 2 }
                let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: bigger)
                memcpy(fresh, memory + start, count)
                memory.deallocate()
                memory = fresh
                capacity = bigger
            }
            end -= start
            start = 0
        }
        return UnsafeMutableBufferPointer(start: memory + end, count: capacity - end)
    }

    func added(_ count: Int) { end += count }

    func drop(_ count: Int) {
        start += count
        guard start == end else { return }
        start = 0
        end = 0
        // What one huge value needed is given back.
        if capacity > 1 << 20 { reset() }
    }

    func reset() {
        memory.deallocate()
        capacity = 16 << 10
        memory = .allocate(capacity: capacity)
        start = 0
        end = 0
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        memcpy(room(bytes.count).baseAddress!, bytes.baseAddress!, bytes.count)
        end += bytes.count
    }

    func append(_ literal: StaticString) {
        append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}

/// Commands on the wire: an array of texts each.
extension ByteQueue {
    func command(_ arguments: Int) { head(0x2A, arguments) }

    func argument(_ text: Str) {
        head(0x24, text.count)
        append(text.raw)
        append("\r\n")
    }

    func argument(_ bytes: [UInt8]) { bytes.withUnsafeBytes { argument(Str($0)) } }
    func argument(_ literal: StaticString) { argument(Str(literal)) }
    func argument(_ number: Int64) { Decimal.with(UInt64(max(number, 0))) { argument($0) } }

    private func head(_ type: UInt8, _ count: Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { line in
            let end = line.baseAddress! + 24
            end[-1] = 0x0A
            end[-2] = 0x0D
            let start = Decimal.write(UInt64(count), before: end - 2) - 1
            start.pointee = type
            append(UnsafeRawBufferPointer(start: start, count: end - start))
        }
    }
}

import CZlib
import NIOCore

/// The gzip message compression of gRPC (gRPC: compression.md), through zlib.
enum Gzip {
    enum Failure: Error { case tooLarge, malformed }

    /// Unpacks a whole gzip (or zlib) stream of at most `limit` bytes of plain text: a bomb costs no more than that.
    static func decompress(_ packed: UnsafeRawBufferPointer, limit: Int) -> Result<ByteBuffer, Failure> {
        var stream = z_stream()
        // 15 bits of window; +32 recognises both headers.
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return .failure(.malformed)
        }
        defer { inflateEnd(&stream) }
        // zlib reads through this pointer and never writes; its type is not const.
        stream.next_in = UnsafeMutablePointer(mutating: packed.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(packed.count)
        var plain = ByteBufferAllocator().buffer(capacity: min(max(packed.count * 4, 256), limit + 1))
        while true {
            let before = plain.readableBytes
            var result = Z_OK
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: min(max(before, 4096), limit - before + 1)) {
                target in
                let room = min(target.count, limit - before + 1)
                stream.next_out = target.assumingMemoryBound(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(room)
                result = inflate(&stream, Z_NO_FLUSH)
                return room - Int(stream.avail_out)
            }
            if plain.readableBytes > limit { return .failure(.tooLarge) }
            if result == Z_STREAM_END { return stream.avail_in == 0 ? .success(plain) : .failure(.malformed) }
            guard result == Z_OK, plain.readableBytes > before || stream.avail_in > 0 else {
                return .failure(.malformed)
            }
        }
    }

    /// Appends the packed bytes to `target` and returns how many; nil, and nothing useful appended, when packing
    /// does not make it smaller.
    static func compress(_ plain: UnsafeRawBufferPointer, into target: inout ByteBuffer) -> Int? {
        var stream = z_stream()
        // Level 1: on a path that is measured in microseconds the higher levels cost more than they save.
        guard
            deflateInit2_(
                &stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: plain.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(plain.count)
        var finished = false
        let written = target.writeWithUnsafeMutableBytes(minimumWritableBytes: plain.count) { room in
            stream.next_out = room.assumingMemoryBound(to: UInt8.self).baseAddress
            stream.avail_out = UInt32(plain.count)
            finished = deflate(&stream, Z_FINISH) == Z_STREAM_END
            return plain.count - Int(stream.avail_out)
        }
        return finished ? written : nil
    }
}

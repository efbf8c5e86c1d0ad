#if canImport(Glibc)
    import Glibc
#endif

/// A hash table from paths to values that is asked with bytes, so that a request's path never becomes a `String`.
///
/// Only our own paths are inserted; what a peer sends is only looked up, so collisions can't be provoked
/// into long probes.
struct PathTable<Value> {
    /// Parallel arrays of a power of two; a hash of 0 marks a free place.
    private var hashes: [UInt64] = Array(repeating: 0, count: 16)
    private var paths: [[UInt8]] = Array(repeating: [], count: 16)
    private var places: [Value?] = Array(repeating: nil, count: 16)
    private var count = 0

    var values: [Value] { places.compactMap { $0 } }

    mutating func insert(_ value: Value, for path: String) {
        if (count + 1) * 2 > hashes.count { grow() }
        let bytes = Array(path.utf8)
        place(bytes.withUnsafeBytes(Self.hash), bytes, value)
    }

    func find(_ path: UnsafeRawBufferPointer) -> Value? {
        let hash = Self.hash(path)
        var index = Int(truncatingIfNeeded: hash) & (hashes.count - 1)
        while hashes[index] != 0 {
            if hashes[index] == hash, paths[index].count == path.count,
                paths[index].withUnsafeBytes({
                    path.count == 0 || memcmp($0.baseAddress!, path.baseAddress!, path.count) == 0
                })
            {
                return places[index]
            }
            index = (index + 1) & (hashes.count - 1)
        }
        return nil
    }

    private mutating func place(_ hash: UInt64, _ path: [UInt8], _ value: Value) {
        var index = Int(truncatingIfNeeded: hash) & (hashes.count - 1)
        while hashes[index] != 0, paths[index] != path { index = (index + 1) & (hashes.count - 1) }
        if hashes[index] == 0 { count += 1 }
        hashes[index] = hash
        paths[index] = path
        places[index] = value
    }

    private mutating func grow() {
        let old = (hashes, paths, places)
        let size = hashes.count * 2
        hashes = Array(repeating: 0, count: size)
        paths = Array(repeating: [], count: size)
        places = Array(repeating: nil, count: size)
        count = 0
        for index in old.0.indices where old.0[index] != 0 {
            if let value = old.2[index] { place(old.0[index], old.1[index], value) }
        }
    }

    /// FNV-1a over words of 8 bytes: paths are 30 to 80 bytes long.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 32
            offset += 8
        }
        while offset < bytes.count {
            hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01b3
            offset += 1
        }
        return (hash ^ (hash >> 29)) | 1 << 63
    }
}

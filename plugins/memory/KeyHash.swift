import PluginKit

/// Hashes keys with a seed of its own, so that a caller can't choose keys that collide.
struct KeyHash {
    private let seed: UInt64
    private let secret: UInt64

    init() {
        seed = Host.random()
        secret = Host.random() | 1
    }

    /// Multiply and fold, eight bytes at a time, in the way of wyhash.
    @inline(__always)
    func callAsFunction(_ key: Str) -> UInt64 {
        let count = key.count
        var state = seed ^ UInt64(truncatingIfNeeded: count)
        guard count > 0 else { return mix(state, secret) }
        let bytes = UnsafeRawPointer(key.data!)
        var at = 0
        while count - at >= 8 {
            state = mix(state ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self), secret)
            at += 8
        }
        var tail: UInt64 = 0
        while at < count {
            tail = tail << 8 | UInt64(bytes.load(fromByteOffset: at, as: UInt8.self))
            at += 1
        }
        return mix(state ^ tail, secret ^ 0xA076_1D64_78BD_642F)
    }

    @inline(__always)
    private func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b ^ 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}

import MemoryPluginNative
import PluginKit

extension MemoryStore {
    /// Keys in the order of shards, and of their bytes within one. A token is the shard (two hexadecimal
    /// digits) and the last key of the page, so that it stays good while keys come and go.
    func page(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) {
        let limit = request.pointee.limit == 0 ? 1000 : Int(request.pointee.limit)
        var (index, after) = try position(request.pointee.token)
        var found: [UnsafeMutablePointer<Node>] = []
        var token: [UInt8] = []
        let now = plugin_kit_wall()
        while index < Self.shardCount {
            let shard = shards + index
            var part: [UnsafeMutablePointer<Node>] = []
            acquire(shard)
            shard.pointee.forEach { node in
                guard !node.isExpired(at: now), after.isEmpty || precedes(after, node.key),
                    matches(node.key, request.pointee.pattern, request.pointee.style)
                else { return }
                node.retain()
                part.append(node)
            }
            release(shard)
            after = .absent
            part.sort { precedes($0.key, $1.key) }
            let room = limit - found.count
            for (place, node) in part.enumerated() {
                if place < room { found.append(node) } else { node.release() }
            }
            if part.count > room || (found.count == limit && index + 1 < Self.shardCount) {
                token = mark(part.count >= room && room > 0 ? index : index + 1, part, room)
                break
            }
            index += 1
        }
        var texts: [Str] = []
        texts.reserveCapacity(found.count)
        for node in found { texts.append(node.key) }
        texts.withUnsafeBufferPointer { texts in
            token.withUnsafeBytes { reply.keys(texts, token: token.isEmpty ? .absent : Str($0)) }
        }
        for node in found { node.release() }
    }

    /// The token for what follows the first `room` keys of a shard.
    private func mark(_ index: Int, _ part: [UnsafeMutablePointer<Node>], _ room: Int) -> [UInt8] {
        var token: [UInt8] = [digit(index >> 4), digit(index & 15)]
        if room > 0, part.count >= room { token.append(contentsOf: part[room - 1].key.raw) }
        return token
    }

    private func digit(_ value: Int) -> UInt8 { UInt8(value < 10 ? 0x30 + value : 0x57 + value) }

    private func position(_ token: Str) throws(PluginError) -> (Int, Str) {
        guard token.isPresent else { return (0, .absent) }
        let bytes = token.raw
        guard bytes.count >= 2, let high = value(bytes[0]), let low = value(bytes[1]), high * 16 + low <= Self.shardCount else {
            throw .invalid("The page token was not given by this store. Start again without a token.")
        }
        return (high * 16 + low, Str(UnsafeRawBufferPointer(rebasing: bytes[2...])))
    }

    private func value(_ digit: UInt8) -> Int? {
        switch digit {
        case 0x30...0x39: Int(digit) - 0x30
        case 0x61...0x66: Int(digit) - 0x57
        default: nil
        }
    }

    private func precedes(_ a: Str, _ b: Str) -> Bool {
        let order = memcmp(a.data!, b.data!, min(a.count, b.count))
        return order != 0 ? order < 0 : a.count < b.count
    }

    private func matches(_ key: Str, _ pattern: Str, _ style: Int32) -> Bool {
        style == OCTAVO_KEYS_LIKE ? Like.matches(key.raw, pattern.raw) : key.hasPrefix(pattern)
    }

    /// One shard at a time: not atomic with writes to the same prefix.
    func removeAll(_ prefix: Str) -> UInt64 {
        var count: UInt64 = 0
        let now = plugin_kit_wall()
        for index in 0..<Self.shardCount {
            let shard = shards + index
            var doomed: [UnsafeMutablePointer<Node>] = []
            acquire(shard)
            shard.pointee.forEach { node in
                if node.key.hasPrefix(prefix) { doomed.append(node) }
            }
            for node in doomed {
                _ = shard.pointee.take(node.pointee.hash, node.key)
                if !node.isExpired(at: now) { count += 1 }
                account(-node.cost)
            }
            release(shard)
            for node in doomed { node.release() }
        }
        return count
    }
}

/// A secret as a plugin keeps it: its name and its pairs.
public struct SecretValue {
    public var name: [UInt8]
    public var pairs: [(name: [UInt8], value: [UInt8])]

    public init(name: [UInt8], pairs: [(name: [UInt8], value: [UInt8])] = []) {
        self.name = name
        self.pairs = pairs
    }

    /// Whether the pairs are the same, in whatever order; no name comes twice.
    public func isSame(as other: SecretValue) -> Bool {
        guard pairs.count == other.pairs.count else { return false }
        for pair in pairs {
            guard let twin = other.pairs.first(where: { $0.name == pair.name }), twin.value == pair.value else { return false }
        }
        return true
    }

    /// Gives the secrets in the form of the ABI; valid during the call, and wiped after it.
    public static func withABI(_ secrets: [SecretValue], _ body: (UnsafeBufferPointer<octavo_secret>) -> Void) {
        var size = 1, count = 0
        for secret in secrets {
            size += secret.name.count
            count += secret.pairs.count
            for pair in secret.pairs { size += pair.name.count + pair.value.count }
        }
        // Empty texts need an address, too: hence the one byte more.
        let text = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
        let pairs = UnsafeMutablePointer<octavo_pair>.allocate(capacity: count + 1)
        defer {
            explicit_bzero(text, size)
            text.deallocate()
            pairs.deallocate()
        }
        var at = text, next = pairs
        func put(_ bytes: [UInt8]) -> Str {
            let start = at
            bytes.withUnsafeBytes { if $0.count > 0 { memcpy(start, $0.baseAddress!, $0.count) } }
            at += bytes.count
            return Str(UnsafeRawPointer(start), bytes.count)
        }
        var list: [octavo_secret] = []
        list.reserveCapacity(secrets.count)
        for secret in secrets {
            let first = next
            for pair in secret.pairs {
                let name = put(pair.name)
                next.initialize(to: octavo_pair(name: name, value: put(pair.value)))
                next += 1
            }
            list.append(
                octavo_secret(name: put(secret.name), pairs: octavo_list(UnsafeBufferPointer(start: first, count: secret.pairs.count))))
        }
        list.withUnsafeBufferPointer(body)
    }
}

extension SecretReply {
    /// The pairs of the secret.
    public func secret(_ secret: SecretValue) {
        SecretValue.withABI([secret]) { list in
            let pairs = list[0].pairs
            var reply = octavo_secret_get_reply(size: UInt32(MemoryLayout<octavo_secret_get_reply>.size), flags: 0, pairs: pairs)
            call.complete(&reply)
        }
    }
}

extension SecretsReply {
    public func secrets(_ secrets: [SecretValue]) { SecretValue.withABI(secrets) { self.secrets($0) } }
}

extension Source {
    /// Tells that a secret is another one now. Without pairs: it is gone.
    @discardableResult
    public func deliver(_ secret: SecretValue) -> Bool {
        var isTaken = false
        SecretValue.withABI([secret]) { list in
            var rotation = octavo_secret_rotation(
                size: UInt32(MemoryLayout<octavo_secret_rotation>.size), flags: 0, secret: list[0])
            isTaken = deliver(&rotation)
        }
        return isTaken
    }
}

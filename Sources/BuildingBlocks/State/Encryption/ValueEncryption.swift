package import Components

/// Values of one component as its store keeps them: Base64 of nonce, ciphertext and tag, two bars, and the name of
/// the secret that the key is in. Source: Dapr's automatic encryption of state, whose data it reads and which
/// reads its data. Used on one event loop.
package final class ValueEncryption {
    /// Why a value can't be read or written; a sentence without its full stop.
    package struct Failure: Error, Equatable {
        package let cause: String
    }

    private struct Key {
        let name: String
        let cipher: AESGCM

        init?(_ secret: RuntimeSecrets.Secret) {
            let digits = Array(secret.value.utf8)
            var key: [UInt8] = []
            for index in stride(from: 0, to: digits.count - 1, by: 2) {
                guard let high = hexadecimalDigit(digits[index]), let low = hexadecimalDigit(digits[index + 1]) else {
                    return nil
                }
                key.append(high << 4 | low)
            }
            guard let cipher = AESGCM(key: key) else { return nil }
            name = secret.name
            self.cipher = cipher
        }
    }

    /// What is written is written with this one. Its absence is an error of each write and read: a store that
    /// was to be encrypted never gets plain values.
    private let primary: Key?
    private let secondary: Key?

    /// The keys were checked when the component started.
    package init(_ secrets: RuntimeSecrets) {
        primary = secrets["primaryencryptionkey"].flatMap(Key.init)
        secondary = secrets["secondaryencryptionkey"].flatMap(Key.init)
    }

    /// What the store is to keep.
    package func encrypted(_ value: [UInt8]) throws(Failure) -> [UInt8] {
        guard let primary else { throw Failure(cause: "the key that values are encrypted with can't be used") }
        guard let sealed = value.withUnsafeBytes({ primary.cipher.seal($0) }) else {
            throw Failure(cause: "the value can't be encrypted: OpenSSL has no random numbers or no memory")
        }
        return Base64Text.encode(sealed, suffix: Array((KeyPrefix.separator + primary.name).utf8))
    }

    /// What the app saved. An empty value is an empty value: nothing that was encrypted is empty.
    package func decrypted(_ stored: UnsafeRawBufferPointer) -> Result<[UInt8], Failure> {
        if stored.isEmpty { return .success([]) }
        guard let bars = separator(stored), bars + 2 < stored.count else {
            return failure(
                "the stored value names no encryption key, so it was not written with encryption; save it again, or "
                    + "read it through a component without encryption keys")
        }
        let name = String(decoding: stored[(bars + 2)...], as: UTF8.self)
        guard let key = [primary, secondary].compactMap({ $0 }).first(where: { $0.name == name }) else {
            let known = [primary, secondary].compactMap { $0?.name }.joined(separator: " and ")
            return failure(
                "the value was encrypted with the key of secret \(name), and the component has \(known); name that "
                    + "secret in secondaryEncryptionKey")
        }
        let text = UnsafeRawBufferPointer(rebasing: stored[..<bars])
        guard let sealed = Base64Text.decode(text), let plain = sealed.withUnsafeBytes({ key.cipher.open($0) }) else {
            return failure(
                "the value can't be decrypted with the key of secret \(name): it was encrypted with another key of "
                    + "that name, or has been changed since")
        }
        return .success(plain)
    }

    private func failure(_ cause: String) -> Result<[UInt8], Failure> { .failure(Failure(cause: cause)) }

    /// Where the last two bars are.
    private func separator(_ stored: UnsafeRawBufferPointer) -> Int? {
        var index = stored.count - 2
        while index >= 0 {
            if stored[index] == 0x7c, stored[index + 1] == 0x7c { return index }
            index -= 1
        }
        return nil
    }
}

import CPluginKeys
import PluginKeys
import PluginKit

/// Finds out what the content of a file is. Source: Dapr's rules for local keys.
enum KeyText {
    enum Format {
        case json
        case pem
        case guessed
    }

    /// By the end of the file's name.
    static func format(of name: Str) -> Format {
        if hasSuffix(name, ".json") { return .json }
        if hasSuffix(name, ".pem") { return .pem }
        return .guessed
    }

    private static func hasSuffix(_ name: Str, _ suffix: StaticString) -> Bool {
        let suffix = Str(suffix)
        return name.count >= suffix.count && strncasecmp(name.data! + (name.count - suffix.count), suffix.data!, suffix.count) == 0
    }

    /// Throws the end of a sentence: "it …".
    static func key(_ content: UnsafeRawBufferPointer, _ format: Format) throws(PluginError) -> Key {
        if content.isEmpty { throw .invalid("it is empty") }
        switch format {
        case .json: return try JSONWebKeys.one(content)
        case .pem: return Key(try Key.made { crypto_key_pem(Bytes(content), $0) })
        case .guessed: break
        }
        let isKeySized = content.count == 16 || content.count == 24 || content.count == 32
        if content[0] == 0x7B, !isKeySized { return try JSONWebKeys.one(content) }
        if content.count > 10, memcmp(content.baseAddress!, "-----", 5) == 0 {
            return Key(try Key.made { crypto_key_pem(Bytes(content), $0) })
        }
        var text = content
        while let last = text.last, last == 0x0A || last == 0x0D { text = UnsafeRawBufferPointer(rebasing: text.dropLast()) }
        guard var decoded = Base64URL.decode(text), !decoded.isEmpty else {
            return Key(try Key.made { crypto_key_symmetric(Bytes(content), $0) })
        }
        defer { wipe(&decoded) }
        return Key(try withBytes(decoded) { (bytes) throws(PluginError) in try Key.made { crypto_key_symmetric(Bytes(bytes), $0) } })
    }
}

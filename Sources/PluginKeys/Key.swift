public import CPluginKeys
public import PluginKit

/// A key, and what it says that it may be used for. Never changed: threads share it.
public final class Key {
    /// One bit each, as `key_ops` of RFC 7517 names them.
    public enum Use: UInt32 {
        case encrypt = 1
        case decrypt = 2
        case wrap = 4
        case unwrap = 8
        case sign = 16
        case verify = 32

        /// The word of `key_ops`.
        public var word: StaticString {
            switch self {
            case .encrypt: "encrypt"
            case .decrypt: "decrypt"
            case .wrap: "wrapKey"
            case .unwrap: "unwrapKey"
            case .sign: "sign"
            case .verify: "verify"
            }
        }

        public static let encryption: UInt32 = 1 | 2 | 4 | 8
        public static let signatures: UInt32 = 16 | 32
    }

    public let raw: OpaquePointer
    private let uses: UInt32
    /// The only algorithm that it is for; empty for any.
    private let algorithm: [UInt8]

    /// Takes `raw` over.
    public init(_ raw: OpaquePointer, uses: UInt32 = .max, algorithm: [UInt8] = []) {
        self.raw = raw
        self.uses = uses
        self.algorithm = algorithm
    }

    deinit { crypto_key_free(raw) }

    public func permits(_ use: Use) -> Bool { uses & use.rawValue != 0 }

    public func permits(_ name: Str) -> Bool {
        if algorithm.isEmpty { return true }
        guard algorithm.count == name.count, let data = name.data else { return false }
        return algorithm.withUnsafeBytes { strncasecmp($0.baseAddress!, data, $0.count) == 0 }
    }

    private static let unknown: StaticString = "it can't be read"

    /// `body` gets where to write why there is no key.
    public static func made(_ body: (UnsafeMutablePointer<UnsafePointer<CChar>>) -> OpaquePointer?) throws(PluginError) -> OpaquePointer {
        var why = UnsafeRawPointer(unknown.utf8Start).assumingMemoryBound(to: CChar.self)
        if let raw = body(&why) { return raw }
        throw .invalid(Str(UnsafeRawPointer(why), strlen(why)).string)
    }
}

/// `body` on the bytes, with the error's type kept.
public func withBytes<Result>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(PluginError) -> Result
) throws(PluginError) -> Result {
    var failure: PluginError?
    let result = bytes.withUnsafeBytes { bytes -> Result? in
        do throws(PluginError) { return try body(bytes) } catch {
            failure = error
            return nil
        }
    }
    if let failure { throw failure }
    return result!
}

/// Overwrites what was secret.
public func wipe(_ bytes: inout [UInt8]) { bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { crypto_wipe(start, $0.count) } } }

import CPluginKeys
import PluginKeys
import PluginKit

/// `crypto.dapr.jwks`: keys by their `kid`, out of a set in the settings or in a file. On worker threads: it looks
/// whether the file has changed.
final class KeySet: KeyHolder {
    typealias Found = (kid: [UInt8], key: Key?, problem: String)

    /// The set itself; absent when it is in a file.
    private let text: [UInt8]?
    private let path: [CChar]
    private let shown: String
    private let lock = Monitor()
    private var keys: [Found] = []
    private var version = FileVersion()
    /// Why the newest version of the file can't be used.
    private var problem: PluginError?

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let value = config.text("jwks")
        var start = 0
        while start < value.count, value.raw[start] <= 0x20 { start += 1 }
        let trimmed = UnsafeRawBufferPointer(rebasing: value.raw[start...])
        if Str(trimmed).hasPrefix(Str("http://")) || Str(trimmed).hasPrefix(Str("https://")) {
            throw PluginError(
                OCTAVO_CODE_UNIMPLEMENTED,
                "jwks is a URL, and this component does not fetch sets. Fetch it into a file, by a timer for example, and "
                    + "name the file: it is read again whenever it changes.",
                flags: OCTAVO_ERROR_PERMANENT)
        }
        if trimmed.first == 0x7B {
            text = [UInt8](trimmed)
        } else {
            text = KeySet.decoded(trimmed)
        }
        path = text == nil ? config.cString("jwks") ?? [0] : [0]
        shown = text == nil ? value.string : "of the setting jwks"
        super.init(instance, Features(OCTAVO_CRYPTO_PUBLIC_KEY | OCTAVO_CRYPTO_ENCRYPT | OCTAVO_CRYPTO_WRAP | OCTAVO_CRYPTO_SIGN))
    }

    /// A set in Base64, whose lines may be broken; `nil` when it is none.
    private static func decoded(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        let digits = text.filter { $0 > 0x20 }
        guard let decoded = digits.withUnsafeBytes({ Base64URL.decode($0) }), decoded.first == 0x7B else { return nil }
        return decoded
    }

    override func start(_ call: Call) throws(PluginError) { try check(call) }

    override func health(_ call: Call) throws(PluginError) { try check(call) }

    private func check(_ call: Call) throws(PluginError) {
        let problem = lock.with {
            refresh()
            return self.problem
        }
        if let problem { throw problem }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        lock.with {
            keys = []
            version = FileVersion()
        }
        call.done()
    }

    override func publicKey(_ request: UnsafePointer<octavo_crypto_key_request>, _ reply: PublicKeyReply) throws(PluginError) {
        try answer(request, try key(request.pointee.name, request.pointee.version), reply)
    }

    override func key(_ name: Str) throws(PluginError) -> Key {
        let (found, problem) = lock.with { () -> (Found?, PluginError?) in
            refresh()
            for key in keys where key.kid.withUnsafeBytes({ Str($0).equals(name) }) { return (key, nil) }
            return (nil, keys.isEmpty ? self.problem : nil)
        }
        if let problem { throw problem }
        guard let found else {
            let shown = name.count <= 256 && UTF8Check.isText(name.raw) ? name.string : "of that name"
            throw PluginError(OCTAVO_CODE_NOT_FOUND, "There is no key \(shown): the set has no key with that kid.", reason: "KEY_NOT_FOUND")
        }
        guard let key = found.key else {
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION, "The key \(name.string) can't be used: \(found.problem).", reason: "BAD_KEY")
        }
        return key
    }

    /// Reads the set if it is another one than before. Inside the lock. A file that is broken leaves what was read last.
    private func refresh() {
        if text != nil {
            if !keys.isEmpty || problem != nil { return }
            return load(text!)
        }
        let descriptor = plugin_kit_open(path)
        guard descriptor >= 0 else {
            problem = PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The file \(shown) of jwks can't be read: \(PluginError.text(ofErrno: plugin_kit_errno())). jwks is neither a set "
                    + "({\"keys\": …}, or that in Base64) nor the path of a file with one.")
            return
        }
        defer { close(descriptor) }
        let now = FileVersion(descriptor: descriptor)
        if now == version { return }
        version = now
        do throws(PluginError) {
            var content = try FileVersion.read(descriptor, limit: KeyHolder.sizeLimit)
            defer { wipe(&content) }
            load(content)
        } catch {
            problem = unusable(error)
        }
    }

    private func load(_ content: [UInt8]) {
        do throws(PluginError) {
            keys = try withBytes(content) { (bytes) throws(PluginError) in try JSONWebKeys.set(bytes) }
            problem = nil
        } catch {
            problem = unusable(error)
        }
        if let problem { instance.warn(problem.message) }
        for key in keys where key.key == nil {
            instance.warn("The key \(String(decoding: key.kid, as: UTF8.self)) of the set \(shown) can't be used: \(key.problem).")
        }
    }

    private func unusable(_ error: PluginError) -> PluginError {
        PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The set \(shown) can't be used: \(error.message). The last good one stays in use, if there was one.")
    }
}

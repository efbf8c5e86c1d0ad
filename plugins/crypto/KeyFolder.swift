import CPluginKeys
import CryptoPluginNative
import PluginKeys
import PluginKit

/// `crypto.dapr.localstorage`: a key is a file of the folder, and its name is the file's. On worker threads: it
/// opens the file each time and reads it when it is another one than before.
final class KeyFolder: KeyHolder {
    /// Keys that are kept; with more of them all are read again some time.
    private static let keptLimit = 256

    private let path: [CChar]
    private let shown: String
    private let lock = Lock()
    /// Few enough to look through.
    private var kept: [(name: [UInt8], version: FileVersion, key: Key)] = []

    init(_ config: Config, _ instance: Instance) {
        path = config.cString("path") ?? [0]
        shown = config.string("path") ?? ""
        super.init(instance, Features(OCTAVO_CRYPTO_PUBLIC_KEY | OCTAVO_CRYPTO_ENCRYPT | OCTAVO_CRYPTO_WRAP | OCTAVO_CRYPTO_SIGN))
    }

    override func start(_ call: Call) throws(PluginError) {
        try check()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        try check()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        lock.with { kept = [] }
        call.done()
    }

    private func check() throws(PluginError) {
        var status = stat()
        let found = stat(path, &status) == 0
        guard found, status.st_mode & 0o170000 == 0o040000 else {
            let cause = found ? "it is no folder" : PluginError.text(ofErrno: plugin_kit_errno())
            throw PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "The folder of keys \(shown) can't be used: \(cause). Check path.")
        }
    }

    override func publicKey(_ request: UnsafePointer<octavo_crypto_key_request>, _ reply: PublicKeyReply) throws(PluginError) {
        try answer(request, try key(request.pointee.name, request.pointee.version), reply)
    }

    override func key(_ name: Str) throws(PluginError) -> Key {
        let descriptor = try open(name)
        defer { close(descriptor) }
        let version = FileVersion(descriptor: descriptor)
        let id = name.array
        if let found = lock.with({ kept.first { $0.name == id } }), found.version == version { return found.key }
        let key: Key
        do throws(PluginError) {
            var content = try FileVersion.read(descriptor, limit: KeyHolder.sizeLimit)
            defer { wipe(&content) }
            key = try withBytes(content) { (bytes) throws(PluginError) in try KeyText.key(bytes, KeyText.format(of: name)) }
        } catch {
            throw PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "The key \(name.string) can't be used: \(error.message).", reason: "BAD_KEY")
        }
        lock.with {
            kept.removeAll { $0.name == id }
            if kept.count >= KeyFolder.keptLimit { kept = [] }
            kept.append((id, version, key))
        }
        return key
    }

    /// Opens the file of a name; it is there, and nowhere but in the folder.
    private func open(_ name: Str) throws(PluginError) -> Int32 {
        guard name.count < Int(PATH_MAX), UTF8Check.isText(name.raw), memchr(name.data!, 0, name.count) == nil else {
            throw .invalid("The name of the key is too long, or no text.")
        }
        var path = [CChar](UnsafeBufferPointer(start: name.data, count: name.count))
        path.append(0)
        guard name.data![0] != 0x2F, !leadsUp(name) else { throw outside(name) }
        let descriptor = crypto_open_beneath(self.path, path)
        if descriptor >= 0 { return descriptor }
        switch plugin_kit_errno() {
        case EXDEV, ELOOP: throw outside(name)
        case ENOENT, ENOTDIR, ENAMETOOLONG:
            throw PluginError(
                OCTAVO_CODE_NOT_FOUND, "There is no key \(name.string): the folder \(shown) has no file of that name.",
                reason: "KEY_NOT_FOUND")
        case EISDIR: throw .invalid("\(name.string) is no key but a folder, or something else that is no file.")
        case let number:
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The key \(name.string) can't be read: \(PluginError.text(ofErrno: number)). Check the permissions "
                    + "of its file in \(shown).")
        }
    }

    /// Whether a part of it is `..`.
    private func leadsUp(_ name: Str) -> Bool {
        for part in name.raw.split(separator: 0x2F) where part.count == 2 && part.first == 0x2E && part.last == 0x2E { return true }
        return false
    }

    private func outside(_ name: Str) -> PluginError {
        .invalid("The key \(name.string) would lie outside of the folder of keys; name a file of the folder.")
    }
}

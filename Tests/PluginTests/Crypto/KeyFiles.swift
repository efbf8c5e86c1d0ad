import Glibc
import PluginCheck

/// A folder of keys, and a component of it.
final class KeyFiles: Sendable {
    let folder = TemporaryFolder()
    let instance: Instance

    /// Files by name.
    init(_ files: [String: [UInt8]] = [:]) throws {
        for (name, bytes) in files { KeyFiles.write(folder.path + "/" + name, bytes) }
        instance = try Instance(Plugin.crypto.get(), "crypto.dapr.localstorage", [.text("path", folder.path)])
        try instance.start()
    }

    deinit { _ = try? instance.end() }

    var calls: CryptoCalls { CryptoCalls(instance) }

    /// Written beside and renamed.
    private static func write(_ path: String, _ bytes: [UInt8]) {
        let descriptor = open(path + ".new", O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        rename(path + ".new", path)
    }

    func set(_ name: String, _ bytes: [UInt8]) { KeyFiles.write(folder.path + "/" + name, bytes) }
}

/// Bytes of hexadecimal digits.
func hex(_ digits: String) -> [UInt8] {
    let digits = Array(digits.utf8.filter { $0 != 0x20 && $0 != 0x0A })
    func value(_ digit: UInt8) -> UInt8 { digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
}

import Glibc

/// A folder that goes with this object.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/octavo-plugin-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(path)/\(name)")
        }
        closedir(folder)
        rmdir(path)
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o600) {
        // Beside the file and then renamed: nobody sees half of it.
        let descriptor = open("\(path)/.new", O_CREAT | O_WRONLY | O_TRUNC, mode)
        _ = text.utf8CString.withUnsafeBufferPointer { Glibc.write(descriptor, $0.baseAddress, $0.count - 1) }
        close(descriptor)
        rename("\(path)/.new", "\(path)/\(name)")
    }
}

/// Looks every few milliseconds whether `condition` holds, for at most `seconds`.
func eventually(seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<Int(seconds * 200) {
        if try condition() { return true }
        usleep(5000)
    }
    return try condition()
}

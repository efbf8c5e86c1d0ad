import Glibc

/// Puts text into a file, whole or not at all: a runtime that dies here must not come up with half of it. Returns why
/// that failed.
func writeWhole(_ text: String, to path: String) -> String? {
    let draft = path + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return systemError(errno) }
    var text = text
    let isWritten = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) == $0.count } && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, rename(draft, path) == 0 else { return systemError(errno) }
    return nil
}

/// Makes a folder and those above it, for this user alone. What goes wrong shows when it is used.
package func makeFolders(_ path: String) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
        made += "/" + part
        mkdir(made, 0o700)
    }
}

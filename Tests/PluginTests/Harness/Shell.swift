import Glibc

/// The folder of the package.
let package: String = {
    var path = #filePath
    for _ in 0..<4 { path = String(path[..<path.lastIndex(of: "/")!]) }
    return path
}()

/// Runs a command of the shell in the package's folder; its exit code and what it said.
func shell(_ command: String) -> (code: Int32, text: String) {
    guard let pipe = popen("cd '\(package)' && { \(command); } 2>&1", "r") else { return (-1, "") }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        text += buffer[..<count]
    }
    let status = pclose(pipe)
    return ((status >> 8) & 0xFF, String(decoding: text, as: UTF8.self))
}

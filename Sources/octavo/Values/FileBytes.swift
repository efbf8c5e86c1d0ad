import Glibc

/// The bytes of a file or a pipe, for values given on the command line.
enum FileBytes {
    /// Largest value that is read: above the runtime's default limit for bodies, and no danger to this process.
    static let largest = 128 << 20

    static func read(path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure("The file \(path) can't be read: \(String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        return try read(descriptor: descriptor, name: "the file \(path)")
    }

    /// - Parameter name: for errors.
    static func read(descriptor: Int32, name: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw CommandFailure("Reading \(name) failed: \(String(cString: strerror(errno))).")
            }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= largest else {
                throw CommandFailure("There is more in \(name) than the \(largest >> 20) MiB that a value may have.")
            }
        }
    }
}

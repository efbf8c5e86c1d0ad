import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// The epoll descriptor that an event loop sleeps on. SwiftNIO does not tell it, the kernel does: it lists for each epoll descriptor
/// of the process what is registered with it (proc(5), /proc/pid/fdinfo).
enum SelectorDescriptor {
    /// Not looked for yet.
    static let unknown: CInt = -2
    /// There is none that could be found.
    static let none: CInt = -1

    /// That of the loop of a channel which is open and registered; `none` without access to /proc. Reads a file for each epoll
    /// descriptor of the process.
    static func find(by channel: any Channel) -> CInt {
        let socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let socket, let folder = opendir("/proc/self/fd") else { return none }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let number = CInt(name), isEpoll(name), registers(socket, name) { return number }
        }
        return none
    }

    private static func isEpoll(_ name: String) -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = readlink("/proc/self/fd/\(name)", text.baseAddress.unsafelyUnwrapped, text.count)
            return count > 0 && text[..<count].elementsEqual("anon_inode:[eventpoll]".utf8.map { CChar(bitPattern: $0) })
        }
    }

    private static func registers(_ socket: CInt, _ name: String) -> Bool {
        guard let file = fopen("/proc/self/fdinfo/\(name)", "re") else { return false }
        defer { fclose(file) }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { line in
            while fgets(line.baseAddress.unsafelyUnwrapped, CInt(line.count), file) != nil {
                let words = String(cString: line.baseAddress.unsafelyUnwrapped).split(separator: " ")
                if words.count > 1, words[0] == "tfd:", CInt(words[1]) == socket { return true }
            }
            return false
        }
    }

    /// Whether the loop would wake up at once.
    static func isReady(_ selector: CInt) -> Bool {
        var it = pollfd(fd: selector, events: Int16(POLLIN), revents: 0)
        return poll(&it, 1, 0) != 0
    }
}

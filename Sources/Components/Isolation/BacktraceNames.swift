import Glibc

/// Puts the names of functions to the frames of a backtrace, as far as the objects' files tell them. Reads
/// files: not for a thread that others wait for.
struct BacktraceNames {
    private var objects: [String: [ELFFile.Function]] = [:]

    /// Larger files are left alone: a report is not worth the memory.
    private static let largestFile = 64 << 20

    /// `object+0xoffset`, and the function's name and the place in it when they are known.
    mutating func text(_ frame: CrashFacts.Frame) -> String {
        let place = Self.place(frame)
        if objects[frame.path] == nil { objects[frame.path] = Self.functions(of: frame.path) }
        guard let functions = objects[frame.path], let index = functions.lastIndex(where: { $0.address <= frame.offset }) else { return place }
        let function = functions[index]
        let into = frame.offset - function.address
        // A hand-written function has no size; beyond a size is another one without a name.
        guard function.size == 0 ? into < 4096 : into <= function.size else { return place }
        return "\(place) \(function.name)+0x\(String(into, radix: 16))"
    }

    /// `object+0xoffset`.
    static func place(_ frame: CrashFacts.Frame) -> String {
        guard !frame.path.isEmpty else { return "0x" + String(frame.offset, radix: 16) }
        let file = frame.path.split(separator: "/").last.map(String.init) ?? frame.path
        return "\(file)+0x\(String(frame.offset, radix: 16))"
    }

    private static func functions(of path: String) -> [ELFFile.Function] {
        // The path is a dead process's word: it may lead to something that keeps its reader waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size > 64, facts.st_size <= largestFile
        else { return [] }
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(facts.st_size)) { buffer, count in
            while count < buffer.count {
                let read = Glibc.read(descriptor, buffer.baseAddress.unsafelyUnwrapped + count, buffer.count - count)
                if read <= 0 { break }
                count += read
            }
        }
        return (try? ELFFile(bytes))?.functions() ?? []
    }
}

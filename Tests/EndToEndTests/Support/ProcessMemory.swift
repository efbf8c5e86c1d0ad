import Foundation

/// The memory of another process of this user.
enum ProcessMemory {
    /// For each text whether it lies anywhere in memory that the process may write: heap, stacks, what it shares with others, its environment.
    static func holds(_ texts: [String], process: Int32) throws -> [Bool] {
        let maps = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
        guard let memory = fopen("/proc/\(process)/mem", "r") else { throw Trouble("/proc/\(process)/mem: \(String(cString: strerror(errno)))") }
        defer { fclose(memory) }
        var found = texts.map { _ in false }, read = 0
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, words[1].hasPrefix("rw") else { continue }
            var bytes = [UInt8](repeating: 0, count: Int(ends[1] - ends[0]))
            // A guard page or a device can't be read.
            let count = pread(fileno(memory), &bytes, bytes.count, off_t(truncatingIfNeeded: ends[0]))
            if count <= 0 { continue }
            read += count
            let piece = Data(bytes.prefix(count))
            for (index, text) in texts.enumerated() where !found[index] {
                found[index] = piece.range(of: Data(text.utf8)) != nil
            }
        }
        guard read > 1 << 16 else { throw Trouble("of the memory of process \(process) \(read) bytes could be read") }
        return found
    }
}

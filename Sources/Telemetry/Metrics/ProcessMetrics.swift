import Glibc

/// What the system knows of this process, under the names that Prometheus' own clients use.
package enum ProcessMetrics {
    /// Adds the samples; what the system does not tell is left out. Reads `/proc`: on the reader's thread.
    package static func write(_ set: inout MetricSet) {
        let stat = statFields()
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
        func put(_ name: String, _ kind: MetricSet.Kind, _ help: String, _ value: Double?) {
            guard let value else { return }
            set.metric(name, kind, help: help)
            set.sample(name, [], value)
        }
        // Field numbers of proc(5), less the first two, which are cut off.
        let user = stat[11], system = stat[12]
        put(
            "process_cpu_seconds_total", .counter, "CPU time of user and system in seconds.",
            user.flatMap { user in system.map { (user + $0) / ticks } })
        put("process_resident_memory_bytes", .gauge, "Resident memory in bytes.", stat[21].map { $0 * pageSize })
        put("process_virtual_memory_bytes", .gauge, "Virtual memory in bytes.", stat[20])
        put("process_threads", .gauge, "Threads.", stat[17])
        put("process_open_fds", .gauge, "Open file descriptors.", openDescriptors().map(Double.init))
        put("process_max_fds", .gauge, "Most file descriptors that may be open.", descriptorLimit())
        put(
            "process_start_time_seconds", .gauge, "Start of the process, in seconds since 1970.",
            stat[19].flatMap { started in bootTime().map { $0 + started / ticks } })
    }

    /// The numbers of `/proc/self/stat` behind the command's name, which may hold anything.
    private static func statFields() -> [Int: Double] {
        let text = contents("/proc/self/stat")
        guard let close = text.lastIndex(of: ")") else { return [:] }
        let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
        var numbers: [Int: Double] = [:]
        for (index, field) in fields.enumerated() { numbers[index] = Double(field) }
        return numbers
    }

    private static func bootTime() -> Double? {
        for line in contents("/proc/stat").split(separator: "\n") where line.hasPrefix("btime ") {
            return Double(line.dropFirst(6))
        }
        return nil
    }

    private static func openDescriptors() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Less `.`, `..` and the descriptor of the folder itself.
        return max(0, count - 3)
    }

    private static func descriptorLimit() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    /// A small file of `/proc`; empty when it can't be read.
    private static func contents(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            if piece.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece
        }
    }
}

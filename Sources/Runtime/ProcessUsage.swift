import Glibc

/// What the process uses of the machine.
struct ProcessUsage {
    var residentBytes: Int64 = 0
    var descriptors = 0
    var processorSeconds = 0.0

    static var now: ProcessUsage {
        var usage = ProcessUsage()
        if let file = fopen("/proc/self/statm", "r") {
            var total = 0
            var resident = 0
            withUnsafeMutablePointer(to: &total) { one in
                withUnsafeMutablePointer(to: &resident) { two in
                    _ = withVaList([one, two]) { vfscanf(file, "%ld %ld", $0) }
                }
            }
            fclose(file)
            usage.residentBytes = Int64(resident) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        }
        if let folder = opendir("/proc/self/fd") {
            while readdir(folder) != nil { usage.descriptors += 1 }
            closedir(folder)
            usage.descriptors -= 3  // "." and ".." and the folder itself
        }
        var times = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &times) == 0 {
            usage.processorSeconds =
                Double(times.ru_utime.tv_sec + times.ru_stime.tv_sec)
                + Double(times.ru_utime.tv_usec + times.ru_stime.tv_usec) / 1e6
        }
        return usage
    }
}

import COctavoIsolation
import Glibc

/// What a helper costs: from its spawn until it has loaded the plugin and said what it offers, and its own memory then.
enum HelperBirth {
    private static let births = 50

    /// Microseconds in the middle, and bytes.
    static func measure(_ plugin: String, host: String) -> (ready: Double, memory: Double) {
        var limits = octavo_limits()
        var events = octavo_isolated_events(ended: { _, _, _ in }, turn: { _, _ in })
        var context = 0
        guard let isolated = octavo_isolated_new(host, plugin, 1, &limits, &events, &context) else { fail("no memory") }
        var times: [Int64] = []
        var memory: [Int64] = []
        var cause = [CChar](repeating: 0, count: 256)
        for _ in 0..<births {
            let began = monotonicNow()
            var wasTold: Int32 = 0
            guard let helper = octavo_helper_start(isolated, 10_000_000_000, 0, &wasTold, &cause, 256) else {
                fail("the helper does not start: " + String(decoding: cause.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            times.append(monotonicNow() - began)
            memory.append(proportional(octavo_helper_pid(helper)))
            octavo_helper_quit(helper)
            while octavo_helper_is_alive(helper) != 0 { usleep(100) }
            octavo_helper_release(helper)
        }
        // `isolated` stays: threads that listened to helpers may still be on their way out.
        return (middle(times), Double(memory.sorted()[births / 2]))
    }

    private static func monotonicNow() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Pages that it shares with others are counted in part.
    private static func proportional(_ process: pid_t) -> Int64 {
        let descriptor = open("/proc/\(process)/smaps_rollup", O_RDONLY)
        guard descriptor >= 0 else { fail("process \(process) is gone") }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        for line in String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n") where line.hasPrefix("Pss:") {
            return (line.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0) * 1024
        }
        fail("smaps_rollup of process \(process) can't be read")
    }
}

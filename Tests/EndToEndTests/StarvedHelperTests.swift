import Foundation
import Testing

@Suite("An isolated plugin on a machine with too much to do")
struct StarvedHelperTests {
    @Test("is slow, and is not ended as one that hangs")
    func waits() async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: ["--isolate", "all"]) { octavo in
            let path = "\(octavo.base)/v1.0/state/statestore"
            let saved = try await Subprocess.run("curl", ["-sf", path, "-d", #"[{"key": "a", "value": 1}]"#])
            #expect(saved.code == 0)
            let pid = pid_t(try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer ?? 0)
            try #require(pid > 0)
            // Whatever else wants the core goes first.
            let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            for task in tasks {
                let idle = try await Subprocess.run("chrt", ["--idle", "--pid", "0", task])
                let pinned = try await Subprocess.run("taskset", ["-pc", "0", task])
                try #require(idle.code == 0 && pinned.code == 0, "\(idle.errors)\(pinned.errors)")
            }
            let others = try (0..<24).map { _ in try Subprocess("taskset", ["-c", "0", "sh", "-c", "while :; do :; done"]) }
            let began = ContinuousClock.now
            var took = Duration.zero
            // Longer than the two seconds after which one that sleeps is ended.
            while took < .seconds(4), began.duration(to: .now) < .seconds(30) {
                let asked = ContinuousClock.now
                _ = try await Subprocess.run("curl", ["-s", "\(path)/a"])
                took = asked.duration(to: .now)
            }
            others.forEach { $0.kill(SIGKILL) }
            #expect(took >= .seconds(4), "the machine gave it the core at once: nothing was shown")
            let answer = try await Subprocess.run("curl", ["-s", "\(path)/a"])
            #expect(answer.output == "1")
            let after = try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer
            #expect(after == Int(pid), "\(octavo.process.errors)")
        }
    }
}

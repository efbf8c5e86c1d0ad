import Foundation
import Testing

/// Gives the same moments for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite("A crash of the whole process loses nothing that was acknowledged", .serialized)
struct CrashTests {
    @Test("kill -9 at random moments under writes, ten times over the same data")
    func killLoop() async throws {
        let seed = ProcessInfo.processInfo.environment["OCTAVO_SEED"].flatMap { UInt64($0) } ?? .random(in: 0..<1_000_000)
        print("OCTAVO_SEED=\(seed)")
        var generator = SeededGenerator(seed: seed)
        let scratch = try Scratch()
        var acknowledged = 0
        for round in 1...10 {
            let octavo = try await OctavoProcess.start(in: scratch)
            // What earlier rounds acknowledged is there, before and after this round's crash.
            let writer = try Subprocess(
                "python3", [Places.script("writer"), "\(octavo.http)", "\(acknowledged)"],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            _ = try await eventually("the first write of round \(round)\n\(writer.errors)") {
                if let code = writer.code { throw Trouble("the writer ended with \(code): \(writer.errors)") }
                return writer.output.isEmpty ? nil : ()
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...150, using: &generator)))
            try await octavo.killed()
            let end = try await writer.ended()
            #expect(end.code == 0, "\(end.errors)")
            let last = try #require(end.output.split(separator: "\n").last.flatMap { Int($0) })
            #expect(last > acknowledged)
            acknowledged = last
        }
        try await OctavoProcess.with(in: scratch) { octavo in
            let check = try await Subprocess.run(
                "python3", [Places.script("writer"), "\(octavo.http)", "--check", "\(acknowledged)"],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            #expect(check.code == 0, "seed \(seed), \(acknowledged) acknowledged: \(check.output)\(check.errors)")
        }
    }

    @Test("a second runtime on the same admin socket is refused, one on a dead one's socket is not")
    func sockets() async throws {
        let scratch = try Scratch()
        let first = try await OctavoProcess.start(in: scratch)
        let second = try await OctavoProcess.launch(in: scratch).ended()
        #expect(second.code == 1)
        #expect(second.errors.contains("admin"), "\(second.errors)")
        #expect(try await Curl(path: "/v1.0/healthz").send(to: first.base).status == 204)
        try await first.killed()
        #expect(FileManager.default.fileExists(atPath: first.adminSocket))
        let status = try await OctavoProcess.with(in: scratch) { third in
            try await Curl(path: "/v1.0/healthz").send(to: third.base).status
        }
        #expect(status == 204)
    }
}

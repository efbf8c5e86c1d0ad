import Foundation

/// A network of its own for programs of a test, as on a machine of its own. Needs root, and a kernel and a container that allow it.
final class NetworkSpace: Sendable {
    static let ip = FileManager.default.isExecutableFile(atPath: "/usr/sbin/ip") ? "/usr/sbin/ip" : "/bin/ip"

    /// Whether there can be any here.
    static let arePossible: Bool = {
        guard geteuid() == 0, FileManager.default.isExecutableFile(atPath: ip) else { return false }
        let name = "octavo-try-\(getpid())"
        guard run(["netns", "add", name]) else { return false }
        defer { _ = run(["netns", "delete", name]) }
        return run(["netns", "exec", name, ip, "link", "set", "lo", "up"])
    }()

    let name: String
    let address: String

    /// So many of them, in one network: 10.77.0.1, 10.77.0.2 …, or fd77::1 … with `six`, and IPv6 alone between them.
    static func connected(_ count: Int, six: Bool = false) async throws -> [NetworkSpace] {
        let key = String(UInt32.random(in: 0...0xFF_FFFF), radix: 16)
        let spaces = (0..<count).map { NetworkSpace("octavo-\(key)-\($0)", (six ? "fd77::" : "10.77.0.") + "\($0 + 1)") }
        let suffix = six ? ["/64", "nodad"] : ["/24"]
        for space in spaces {
            try await space.must(["netns", "add", space.name])
            try await space.must(["-n", space.name, "link", "set", "lo", "up"])
        }
        // A bridge in the first one joins all.
        let first = spaces[0].name
        try await spaces[0].must(["-n", first, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0"])
        try await spaces[0].must(["-n", first, "link", "set", "bridge", "up"])
        try await spaces[0].must(["-n", first, "addr", "add", spaces[0].address + suffix[0], "dev", "bridge"] + suffix.dropFirst())
        for (index, space) in spaces.enumerated().dropFirst() {
            try await space.must(["-n", first, "link", "add", "port\(index)", "type", "veth", "peer", "name", "eth", "netns", space.name])
            try await space.must(["-n", first, "link", "set", "port\(index)", "master", "bridge", "up"])
            try await space.must(["-n", space.name, "addr", "add", space.address + suffix[0], "dev", "eth"] + suffix.dropFirst())
            try await space.must(["-n", space.name, "link", "set", "eth", "up"])
        }
        return spaces
    }

    /// Cuts the link between those that `connected` has made, the first of them and number `index`, or joins them again. Nobody is told:
    /// what is sent is lost.
    static func link(_ spaces: [NetworkSpace], _ index: Int, up: Bool) async throws {
        // A port that is down would be an error for who sends; one that the bridge has blocked drops all.
        try await spaces[0].must([
            "netns", "exec", spaces[0].name, bridge, "link", "set", "dev", "port\(index)", "state", up ? "3" : "0",
        ])
    }

    private static let bridge = FileManager.default.isExecutableFile(atPath: "/usr/sbin/bridge") ? "/usr/sbin/bridge" : "/sbin/bridge"

    private init(_ name: String, _ address: String) {
        self.name = name
        self.address = address
    }

    deinit { _ = NetworkSpace.run(["netns", "delete", name]) }

    /// In front of a program's words, to run it there.
    func words(_ words: [String]) -> [String] { ["netns", "exec", name] + words }

    private func must(_ words: [String]) async throws {
        let end = try await Subprocess.run(NetworkSpace.ip, words)
        guard end.code == 0 else { throw Trouble("ip \(words.joined(separator: " ")): \(end.errors)") }
    }

    private static func run(_ words: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ip)
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

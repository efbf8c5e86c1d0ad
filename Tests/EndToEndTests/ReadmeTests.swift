import Foundation
import JSONText
import Testing

@Suite("README.md is true", .serialized)
struct ReadmeTests {
    /// The runtime as the README starts it, and where it listens.
    private struct Started {
        var process: Subprocess
        var http: Int
        var grpc: Int
        var adminSocket: String
    }

    /// Runs the README's command. Where the usual ports or the usual socket are somebody else's it is run again with
    /// flags that choose others.
    private func start(_ command: String, in scratch: Scratch) async throws -> Started {
        let others = " --dapr-http-port 0 --dapr-grpc-port 0 --metrics-port 0 --admin-socket \(scratch.file("admin"))"
        for flags in ["", others] {
            let process = try Subprocess(
                "sh", ["-c", "cd '\(Places.package)' && exec \(command)\(flags)"], environment: ["OCTAVO_BINARY": Places.octavo],
                keeping: scratch)
            let up: Bool = try await eventually("the runtime's start\n\(process.errors)", within: .seconds(30)) {
                if process.errors.contains("You're up and running!") { return true }
                return process.code == nil ? nil : false
            }
            if up {
                return Started(
                    process: process, http: try port("http", process.errors), grpc: try port("grpc", process.errors),
                    adminSocket: try address("admin", process.errors))
            }
            guard process.errors.contains("listen"), flags.isEmpty else { throw Trouble("\(command): \(process.errors)") }
        }
        throw Trouble("\(command) did not start")
    }

    /// From a line of the log: `listening   address=127.0.0.1:3500 for=http`.
    private func address(_ purpose: String, _ log: String) throws -> String {
        let line = log.split(separator: "\n").first { $0.contains("listening") && $0.hasSuffix("for=\(purpose)") }
        let word = line?.split(separator: " ").first { $0.hasPrefix("address=") }
        guard let word else { throw Trouble("no \(purpose) address in: \(log)") }
        return String(word.dropFirst("address=".count))
    }

    private func port(_ purpose: String, _ log: String) throws -> Int {
        guard let port = Int(try address(purpose, log).split(separator: ":").last ?? "") else { throw Trouble("no port in: \(log)") }
        return port
    }

    @Test("from the first command to state read by curl and by Python", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
    func thirtySeconds() async throws {
        let blocks = try Readme().blocks(under: "Thirty seconds")
        let run = try #require(blocks.first)
        #expect(run.text == "tools/run\n")
        let curl = try #require(blocks.first { $0.text.contains("curl") })
        let python = try #require(blocks.first { $0.language == "python" })
        #expect(blocks.contains { $0.text == "tools/test\n" })

        let scratch = try Scratch()
        let runtime = try await start(run.commands[0], in: scratch)
        let commands = curl.text.replacingOccurrences(of: "localhost:3500", with: "localhost:\(runtime.http)")
        let shown = try await Subprocess.run("sh", ["-e", "-c", commands])
        #expect(shown.code == 0 && shown.output == #""hello""#, "\(shown)")

        let program = try scratch.write(python.text, to: "snippet.py")
        var environment = ["PYTHONDONTWRITEBYTECODE": "1"]
        // On the usual ports the SDK needs nothing.
        if runtime.http != 3500 { environment["DAPR_HTTP_PORT"] = "\(runtime.http)" }
        if runtime.grpc != 50001 { environment["DAPR_GRPC_PORT"] = "\(runtime.grpc)" }
        let read = try await Subprocess.run(Places.python, [program], environment: environment)
        #expect(read.code == 0 && read.output == "b'paid'\n", "\(read)")

        // The list of commands, each as it stands there.
        let list = try #require(try Readme().blocks(under: "Plugins").first)
        #expect(list.commands.count >= 3)
        for command in list.commands {
            var words = command.split(separator: " ").map(String.init)
            #expect(words.removeFirst() == "octavo", "\(command)")
            // A page about a type needs no runtime, so it has no option that says where one is.
            let asks = !words.starts(with: ["component", "docs"])
            let end = try await Subprocess.run(Places.octavo, words + (asks ? ["--admin-socket", runtime.adminSocket] : []))
            #expect(end.code == 0 && !end.output.isEmpty, "\(command): \(end)")
        }
        runtime.process.kill(SIGTERM)
        #expect(try await runtime.process.ended().code == 0)
    }

    @Test("about what a broken plugin says")
    func brokenPlugin() async throws {
        let block = try #require(try Readme().blocks(under: "Plugins").last)
        let row = try #require(block.text.split(separator: "\n").last)
        let reason = try #require(row.range(of: "plugin /").map { String(row[$0.lowerBound...]) })
        let scratch = try Scratch()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: Places.plugin("memory")))
        // e_machine of an ELF file; 183 is AArch64, 62 x86-64 (System V ABI).
        try #require(bytes[18] == 62 && bytes[19] == 0, "the README's plugin is foreign on x86-64 alone")
        bytes[18] = 183
        try FileManager.default.createDirectory(atPath: scratch.file("plugins"), withIntermediateDirectories: false)
        try bytes.write(to: URL(fileURLWithPath: scratch.file("plugins/notes.so")))
        let end = try await Subprocess.run(
            Places.octavo, ["plugin", "list", "--offline", "--json", "--plugins-dir", scratch.file("plugins")])
        let plugin = try JSONValue(parsing: end.output)["plugins"]?.array?.first
        #expect(plugin?["name"]?.string == "notes" && plugin?["state"]?.string == "rejected")
        #expect(plugin?["reason"]?.string == reason.replacingOccurrences(of: "/srv/plugins", with: scratch.file("plugins")))
    }

    @Test("beside an app with resources")
    func besideAnApp() async throws {
        let block = try #require(try Readme().blocks(under: "Beside an app, with resources").first)
        let scratch = try Scratch()
        try scratch.write(Resource.component("store", "state.in-memory"), to: "resources/store.yaml")
        try scratch.write(
            """
            import os, urllib.request
            url = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/state/store"
            urllib.request.urlopen(urllib.request.Request(url, b'[{"key":"a","value":1}]', {"content-type": "application/json"}))
            print(os.environ["APP_ID"], os.environ["APP_PORT"], urllib.request.urlopen(url + "/a").read().decode())

            """, to: "app.py")
        // Ports and socket of the test's own; the rest is the README's line.
        let flags =
            "octavo run --dapr-http-port 0 --dapr-grpc-port 0 --metrics-port 0 --admin-socket \(scratch.file("admin"))"
        let line = block.commands[0].replacingOccurrences(of: "octavo run", with: flags)
        let path = (Places.octavo as NSString).deletingLastPathComponent + ":/usr/local/bin:/usr/bin:/bin"
        let end = try await Subprocess.run("sh", ["-c", "cd '\(scratch.path)' && exec \(line)"], environment: ["PATH": path])
        #expect(end.code == 0 && end.output == "shop 8080 1\n", "\(end)")
    }
}

import Testing
@testable import octavo

/// The built executable: what only a process shows.
@Suite struct ProgramTests {
    @Test("exit codes tell misuse, failure and an absent runtime apart", arguments: [
        (["--help"], 0, "SUBCOMMANDS", ""),
        (["version"], 0, "octavo ", ""),
        (["--version"], 0, "octavo ", ""),
        (["version", "--json"], 0, "{\"version\":\"", ""),
        (["rnu"], 2, "", "Did you mean 'run'?"),
        (["plugin", "lst"], 2, "", "Did you mean 'list'?"),
        (["state", "set", "store", "key"], 2, "", "exactly one of them"),
        (["completion", "tcsh"], 2, "", "tcsh"),
        (["status", "--admin-socket", "/nowhere/x.sock"], 3, "", "octavo run"),
        (["status", "--app-id", "no-such-app"], 3, "", "No runtime is running for app id no-such-app (looked for "),
        (["trace", "--id", "xyz"], 2, "", "--id takes up to 32 digits"),
        (["trace", "--admin-socket", "/nowhere/x.sock"], 3, "", "/nowhere/x.sock"),
        (["logs", "--level", "loud"], 2, "", "--level is 'loud'"),
        (["logs", "--admin-socket", "/nowhere/x.sock"], 3, "", "/nowhere/x.sock"),
        (["top", "--interval", "1ms"], 2, "", "too short"),
        (["component", "list", "--admin-socket", "/nowhere/x.sock"], 3, "", "/nowhere/x.sock"),
        (["plugin", "describe", "/nowhere/x.so"], 1, "", "/nowhere/x.so"),
        (["plugin", "load", "/nowhere/x.so"], 1, "", "/nowhere/x.so"),
        (["ca", "issue", "--out", "x"], 2, "", "Give --app-id"),
        (["ca", "issue", "--app-id", "a", "--dir", "/nowhere", "--out", "x"], 1, "", "Make one with `octavo ca init`"),
        (["ca", "init", "--dir", "/dev/null/x"], 1, "", "Can't make the folder"),
        (["ca", "rotate", "--retire", "--leaf", "x"], 2, "", "give it alone"),
    ] as [([String], Int32, String, String)])
    func exitCode(arguments: [String], code: Int32, output: String, errors: String) throws {
        let result = try Program.run(arguments)
        #expect(result.code == code)
        #expect(output.isEmpty ? result.output.isEmpty : result.output.contains(output), "\(result.output)")
        #expect(errors.isEmpty ? result.errors.isEmpty : result.errors.contains(errors), "\(result.errors)")
    }

    @Test("every command has help with an example", arguments: [
        ["run"], ["status"], ["doctor"], ["version"], ["completion"], ["plugin", "list"], ["plugin", "describe"],
        ["plugin", "load"], ["plugin", "check"], ["plugin", "new"], ["plugin", "unload"], ["plugin", "reload"], ["component", "list"],
        ["component", "describe"], ["state", "get"], ["state", "set"], ["state", "delete"], ["ca", "init"], ["ca", "issue"], ["ca", "rotate"],
        ["top"], ["trace"], ["logs"],
    ])
    func help(command: [String]) async {
        let outcome = await Outcome.running(command + ["--help"])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("EXAMPLES\n  octavo \(command.joined(separator: " "))"), "\(outcome.output)")
        // An example that was broken into two lines can't be copied.
        let examples = outcome.output.components(between: "EXAMPLES\n", and: "\n\n").split(separator: "\n")
        #expect(examples.allSatisfy { $0.hasPrefix("  ") }, "\(examples)")
    }

    @Test("plugins are listed from their files when no runtime is there")
    func offlineList() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        folder.write("no shared object", to: "broken.so")
        let text = try Program.run(["plugin", "list", "--offline", "--plugins-dir", folder.path])
        #expect(text.code == 0)
        #expect(text.output.contains("broken") && text.output.contains("rejected"))
        let json = try Program.run(["plugin", "list", "--offline", "--json", "--plugins-dir", folder.path])
        #expect(json.output.hasPrefix("{\"plugins\":[{\"name\":\"broken\",\"types\":[],\"path\":\"\(folder.path)/broken.so\""))
    }

    @Test("the shells read their completion scripts", arguments: [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["-n"])])
    func completion(shell: String, flags: [String]) throws {
        let script = try Program.run(["completion", shell])
        #expect(script.code == 0)
        #expect(script.output.contains("octavo"))
        let executable = "/usr/bin/\(shell)"
        guard shell == "bash" || Program.exists(executable) else { return }
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        folder.write(script.output, to: "script")
        let check = try Program.run(flags + [folder.path + "/script"], executable: executable)
        #expect(check.code == 0, "\(check.errors)")
    }

    @Test("bash completes commands, flags, values and files", arguments: [
        (["octavo", "pl"], "plugin\n"), (["octavo", "plugin", "rel"], "reload\n"),
        (["octavo", "state", "set", "--tt"], "--ttl\n"), (["octavo", "run", "--log-level", "d"], "debug\n"),
        (["octavo", "plugin", "check", "x.so", "--on"], "--only\n"), (["octavo", "plugin", "check", "x.so", "--only", "i"], "in-process\nisolated\n"),
        (["octavo", "completion", ""], "bash\nzsh\nfish\n"), (["octavo", "plugin", "load", "x"], ""),
    ])
    func bash(words: [String], candidates: String) throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let typed = words.map { "'\($0)'" }.joined(separator: " ")
        folder.write(
            """
            compopt() { :; }
            complete() { :; }
            eval "$('\(Program.octavo)' completion bash)"
            octavo() { '\(Program.octavo)' "$@"; }
            COMP_WORDS=(\(typed))
            COMP_CWORD=\(words.count - 1)
            _octavo
            for candidate in "${COMPREPLY[@]}"; do echo "$candidate"; done
            """, to: "script")
        let result = try Program.run([folder.path + "/script"], executable: "/usr/bin/bash")
        #expect(result.output == candidates, "\(result.errors)")
        #expect(result.errors.isEmpty)
    }
}

extension String {
    /// What stands between the first `start` and the `end` after it.
    fileprivate func components(between start: String, and end: String) -> Substring {
        guard let lower = ranges(of: start).first?.upperBound,
            let upper = self[lower...].ranges(of: end).first?.lowerBound
        else { return "" }
        return self[lower..<upper]
    }
}

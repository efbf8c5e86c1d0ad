import Testing

/// The commands against a running `octavo run`, both as they are built.
@Suite struct RunningProgramTests {
    @Test("a runtime without any flag of weight answers every command, and its end is seen")
    func commands() throws {
        let runtime = try RunningProgram()
        let written = try runtime.command("state", "set", "statestore", "cart/1", #"{"items":3}"#)
        #expect(written.code == 0, "\(written.errors)\(runtime.log)")
        #expect(written.output == "Wrote 11 B to cart/1 in statestore.\n")
        #expect(try runtime.command("state", "get", "statestore", "cart/1").output == #"{"items":3}"#)
        let stale = try runtime.command("state", "set", "statestore", "cart/1", "x", "--etag", "stale")
        #expect(stale.code == 1 && stale.output.isEmpty && !stale.errors.isEmpty)

        let status = try runtime.command("status", "--json")
        #expect(status.code == 0)
        #expect(status.output.hasPrefix(#"{"appId":"octavo","version":""#))
        #expect(status.output.contains(#""ready":true"#))
        #expect(try runtime.command("component", "list").output.contains("statestore"))
        #expect(try runtime.command("component", "describe", "statestore", "--json").output.contains(#""type":"state."#))
        #expect(try runtime.command("component", "describe", "nothing").code == 1)

        // As the shells ask: which word, of which words.
        let words = ["octavo", "plugin", "reload", "--admin-socket", runtime.socket, ""]
        let names = try Program.run(["---completion", "5"] + words)
        #expect(names.output.split(separator: "\n").contains("sqlite"), "\(names)")

        let reload = try runtime.command("plugin", "reload", "sqlite")
        #expect(reload.code == 0, "\(reload.errors)")
        #expect(reload.output.contains("generation 1 → 2"))
        #expect(try runtime.command("plugin", "list", "--json").output.contains(#""generation":2"#))
        #expect(try runtime.command("state", "get", "statestore", "cart/1").output == #"{"items":3}"#)
        #expect(try runtime.command("state", "delete", "statestore", "cart/1").code == 0)
        let gone = try runtime.command("state", "get", "statestore", "cart/1")
        #expect(gone.code == 1 && gone.errors == "octavo: State store 'statestore' has no key 'cart/1'.\n")

        #expect(try runtime.stop() == 0)
        #expect(try runtime.command("status").code == 3)
    }

    @Test("a second runtime on the same admin socket ends with the reason, and the first goes on")
    func secondRuntime() throws {
        let runtime = try RunningProgram()
        let second = try runtime.command(
            "run", "--data-dir", runtime.folder.path + "/second", "--dapr-http-port", "0", "--dapr-grpc-port", "0",
            "--metrics-port", "0")
        #expect(second.code == 1)
        #expect((second.output + second.errors).contains("Another runtime uses the admin socket \(runtime.socket)."))
        #expect(try runtime.command("status").code == 0)
    }

    @Test("the runtime ends with its app and returns the app's exit code")
    func app() throws {
        // Which may be before the runtime is ready.
        let runtime = try RunningProgram(["--", "/bin/sh", "-c", "exit 7"], waitsFor: "app ended")
        #expect(try runtime.end() == 7)
    }
}

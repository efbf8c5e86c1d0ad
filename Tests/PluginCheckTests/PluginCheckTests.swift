import Glibc
import Testing

@testable import PluginCheck

/// `octavo plugin check`, on plugins that keep to the ABI and on such that don't.
@Suite("octavo plugin check", .serialized)
struct PluginCheckTests {
    @Test("shipped plugins pass", arguments: [
        ("memory", [], ""), ("sqlite", ["--set", "connectionString=test.db"], ""),
        ("local-secrets", ["--set", "secretsFile=FOLDER/secrets.json"], #"{"a":"1","b":{"c":"2"}}"#),
        ("config-file", ["--set", "file=FOLDER/secrets.json"], #"{"a":"1","b":{"c":"2"}}"#),
        ("local-bindings", ["--set", "schedule=* * * * * *", "--set", "rootPath=FOLDER/files"], ""),
        ("web-bindings", ["--set", "url=http://127.0.0.1:1", "--set", "host=127.0.0.1", "--set", "port=1"], ""),
        (
            "crypto", ["--set", "jwks=FOLDER/secrets.json", "--set", "path=FOLDER"],
            #"{"keys":[{"kty":"oct","kid":"octavo-check-aes256","k":"gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"}]}"#
        ),
    ])
    func shipped(name: String, flags: [String], secrets: String) throws {
        try CheckedPlugin.inFolder { folder in
            let file = try #require(fopen(folder + "/secrets.json", "w"))
            fputs(secrets, file)
            fclose(file)
            let flags = flags.map { $0.replacing("FOLDER", with: folder) }
            let result = CheckedPlugin.check("\(CheckedPlugin.products)/liboctavo-plugin-\(name).so", flags)
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin for Redis passes, on a server of the test's own")
    func redis() throws {
        try CheckedPlugin.inFolder { folder in
            let server = CheckedPlugin.run([
                "redis-server", "--port", "0", "--unixsocket", folder + "/socket", "--save", "", "--appendonly", "no", "--dir", folder,
                "--logfile", folder + "/log", "--daemonize", "yes", "--pidfile", folder + "/pid",
            ])
            try #require(server.code == 0, "\(server.text)")
            defer { _ = CheckedPlugin.run(["redis-cli", "-s", folder + "/socket", "shutdown", "nosave"]) }
            var isThere = false
            for _ in 0..<1000 where !isThere {
                isThere = CheckedPlugin.run(["redis-cli", "-s", folder + "/socket", "ping"]).text == "PONG\n"
                if !isThere { usleep(10_000) }
            }
            try #require(isThere)
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-redis.so", ["--set", "redisHost=\(folder)/socket"])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin for etcd passes, on a server of the test's own")
    func etcd() throws {
        try CheckedPlugin.inFolder { folder in
            let ports = try (0..<2).map { _ in try #require(CheckedPlugin.freePort()) }
            let client = "http://127.0.0.1:\(ports[0])", peer = "http://127.0.0.1:\(ports[1])"
            let server = CheckedPlugin.run([
                "sh", "-c",
                "etcd --data-dir \(folder)/data --listen-client-urls \(client) --advertise-client-urls \(client) "
                    + "--listen-peer-urls \(peer) --initial-advertise-peer-urls \(peer) --initial-cluster default=\(peer) "
                    + ">\(folder)/log 2>&1 & echo $! >\(folder)/pid",
            ])
            try #require(server.code == 0, "\(server.text)")
            defer { _ = CheckedPlugin.run(["sh", "-c", "kill $(cat \(folder)/pid)"]) }
            var isThere = false
            for _ in 0..<1000 where !isThere {
                isThere = CheckedPlugin.run(["curl", "-s", "-m", "1", client + "/health"]).text.contains("true")
                if !isThere { usleep(10_000) }
            }
            try #require(isThere)
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-etcd.so", ["--set", "endpoints=127.0.0.1:\(ports[0])"])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    /// Runs `script` in the background, in a folder that any user may write to, until `isThere`; ends it after `body`.
    private func withServer(_ script: String, isThere: (String) -> Bool, _ body: (String) throws -> Void) throws {
        try CheckedPlugin.inFolder { folder in
            chmod(folder, 0o777)
            let begun = CheckedPlugin.run(["sh", "-c", "cd '\(folder)'; { \(script); } >log 2>&1 & echo $! >pid"])
            try #require(begun.code == 0, "\(begun.text)")
            defer { _ = CheckedPlugin.run(["sh", "-c", "cd '\(folder)'; kill -9 $(cat pid)"]) }
            var isUp = false
            for _ in 0..<3000 where !isUp {
                isUp = isThere(folder)
                if !isUp { usleep(20_000) }
            }
            try #require(isUp, "\(CheckedPlugin.run(["cat", folder + "/log"]).text)")
            try body(folder)
        }
    }

    @Test("the plugin for PostgreSQL passes, on a server of the test's own")
    func postgresql() throws {
        let programs = "/usr/lib/postgresql/15/bin"
        // The server refuses to run as root. It listens in the folder alone.
        let user = geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : ""
        let script = """
            \(user)\(programs)/initdb -D data -U octavo --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync && \
            exec \(user)\(programs)/postgres -D data -h '' -k "$PWD"
            """
        func isThere(_ folder: String) -> Bool {
            CheckedPlugin.run(["psql", "-h", folder, "-U", "octavo", "-d", "postgres", "-Atc", "SELECT 1"]).text == "1\n"
        }
        try withServer(script, isThere: isThere) { folder in
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-postgresql.so",
                ["--set", "connectionString=host=\(folder) user=octavo dbname=postgres", "--set", "table=configuration"])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin for NATS passes, on a server of the test's own")
    func nats() throws {
        // Its log says which port the kernel has given.
        func port(_ folder: String) -> Substring? {
            let log = CheckedPlugin.run(["cat", folder + "/log"]).text
            guard log.contains("Server is ready"), let place = log.firstRange(of: "client connections on 127.0.0.1:") else { return nil }
            return log[place.upperBound...].prefix { $0.isNumber }
        }
        try withServer("exec nats-server -a 127.0.0.1 -p -1 -js -sd store", isThere: { port($0) != nil }) { folder in
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-nats.so",
                ["--set", "natsURL=nats://127.0.0.1:\(try #require(port(folder)))", "--set", "createStream=true"])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin for names passes, with a DNS server of the test's own")
    func names() throws {
        let program = "\(CheckedPlugin.root)/Tests/EndToEndTests/python/servers/dns.py"
        let script = """
            echo '{"appInstances":{"orders":[{"ipv4":"127.0.0.1","port":5}]}}' >table; echo '{}' >dns; exec python3 \(program) port 0 dns
            """
        try withServer(script, isThere: { CheckedPlugin.run(["cat", $0 + "/port"]).code == 0 }) { folder in
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-names.so",
                [
                    "--set", "structuredType=jsonFile", "--set", "filePath=\(folder)/table", "--set", "resolveTimeout=100ms", "--set",
                    "dnsServers=127.0.0.1:\(CheckedPlugin.run(["cat", folder + "/port"]).text)",
                ])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin for Consul passes, on a server with the part of its API")
    func consul() throws {
        let program = "\(CheckedPlugin.root)/Tests/EndToEndTests/python/servers/consul.py"
        try withServer("exec python3 -B \(program) port 0", isThere: { CheckedPlugin.run(["cat", $0 + "/port"]).code == 0 }) { folder in
            let port = CheckedPlugin.run(["cat", folder + "/port"]).text
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-consul.so",
                ["--set", "client={\"address\":\"127.0.0.1:\(port)\"}", "--set", "selfRegister=true"])
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("the plugin of middleware passes, with an issuer's keys on a server")
    func middleware() throws {
        let keys = #"{"keys":[{"kty":"oct","kid":"a","k":"gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"}],"access_token":"t","expires_in":60}"#
        let program = "import http.server;H=http.server.SimpleHTTPRequestHandler;"
            + "H.do_POST=lambda s:(s.rfile.read(int(s.headers[\"content-length\"])),s.do_GET());s=http.server.ThreadingHTTPServer((\"127.0.0.1\",0),H);"
            + "open(\"port\",\"w\").write(str(s.server_port));s.serve_forever()"
        // `clientID` is also what a token is for.
        try withServer("echo '\(keys)' > keys; exec python3 -c '\(program)'", isThere: { CheckedPlugin.run(["test", "-s", $0 + "/port"]).code == 0 }) { folder in
            let base = "http://127.0.0.1:" + CheckedPlugin.run(["cat", folder + "/port"]).text
            let result = CheckedPlugin.check(
                "\(CheckedPlugin.products)/liboctavo-plugin-middleware.so",
                [
                    "rule=^/", "routes={\"/a/{b}\":\"/c\"}", "issuer=\(base)", "jwksURL=\(base)/keys", "clientID=a", "clientSecret=b",
                    "tokenURL=\(base)/keys", "headerName=x-token", "authStyle=1",
                ].flatMap { ["--set", $0] })
            #expect(result.code == 0, "\(result.text)")
            #expect(result.text.contains(", 0 failed, "))
        }
    }

    @Test("what can't be checked is misuse, with the cause", arguments: [
        (["/nowhere/x.so"], "/nowhere/x.so"), (["/etc/passwd"], "/etc/passwd"), (["PLUGIN", "--set", "novalue"], "name=value"),
        (["PLUGIN", "--set", "unknown=1", "--only", "in-process"], "has a setting unknown"),
        (["PLUGIN", "--kind", "lock", "--only", "in-process"], "no type of the kind lock"), (["PLUGIN", "--kind", "stat"], "state"),
    ] as [([String], String)])
    func misuse(arguments: [String], cause: String) {
        let words = arguments.map { $0 == "PLUGIN" ? "\(CheckedPlugin.products)/liboctavo-plugin-memory.so" : $0 }
        let result = CheckedPlugin.run([CheckedPlugin.products + "/octavo", "plugin", "check"] + words)
        #expect(result.code == 2, "\(result.text)")
        #expect(result.text.contains(cause), "\(result.text)")
    }

    @Test("a type without its settings is skipped, and the settings are named")
    func settings() {
        let result = CheckedPlugin.check("\(CheckedPlugin.products)/liboctavo-plugin-redis.so", ["--json", "--only", "in-process"])
        #expect(result.text.contains(#""outcome":"skipped""#) && result.text.contains("--set redisHost=VALUE"), "\(result.text)")
    }

    @Test("events survive the pipe", arguments: [
        CheckEvent.passed(check: "tab\tline\nback\\slash\r"), .failed(check: "a", finding: "", section: "\\t"), .doing("ä\u{0}"),
        .skipped(check: "", reason: " "), .outcome(call: "a", ending: "b"), .end,
        .type(
            CheckedType(
                name: "state.x", version: "v1", kind: 1, execution: "inline", holdsState: true, required: ["a", "b"], settings: [])),
    ])
    func events(_ event: CheckEvent) {
        #expect(!event.line.utf8.contains(0x0A))
        #expect(CheckEvent(line: event.line) == event)
        #expect(CheckEvent(line: "noise " + event.line) == nil)
    }
}

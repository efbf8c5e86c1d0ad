import Foundation
import JSONText
import Testing

@Suite("A changed resource file", .serialized)
struct ResourceReloadTests {
    private static func sqlite(_ name: String, _ scratch: Scratch, timeout: String = "10s", _ extra: [(String, String)] = []) -> String {
        Resource.component(
            name, "state.sqlite", [("connectionString", scratch.file(name + ".db")), ("timeout", timeout)] + extra)
    }

    /// A runtime over the folder `resources`.
    private static func with(
        _ scratch: Scratch, flags: [String] = [], environment: [String: String] = [:],
        _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, environment: environment, body)
    }

    private static func component(_ name: String, _ octavo: OctavoProcess) async throws -> JSONValue? {
        try await octavo.json("component", "list")["components"]?.array?.first { $0["name"]?.string == name }
    }

    /// Waits for the log line of that many replacements of the component.
    private static func replaced(_ name: String, _ count: Int, _ octavo: OctavoProcess, within limit: Duration = .seconds(15)) async throws {
        try await eventually("\(count) replacements of \(name)", within: limit) {
            octavo.replacements(of: name) >= count ? () : nil
        }
    }

    private static func line(_ name: String, _ scratch: Scratch, _ octavo: OctavoProcess) async throws {
        #expect(try await octavo.octavo("state", "set", name, "k", "of \(name)").code == 0)
        #expect(try await octavo.octavo("state", "get", name, "k").output == "of \(name)")
    }

    @Test(
        "is taken in under load, and no request fails", .enabled(if: Places.hasSDK, "tools/setup test installs a client"),
        arguments: [[], ["--isolate", "all"]])
    func underLoad(flags: [String]) async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("store", scratch), to: "resources/store.yaml")
        try await Self.with(scratch, flags: flags) { octavo in
            #expect(try await octavo.octavo("state", "set", "store", "key", ReloadTests.value).code == 0)
            let load = try ReloadTests.Load(octavo)
            try await load.begun()
            for round in 1...8 {
                // The one that they use is given other settings, and others come, change and go.
                try scratch.write(Self.sqlite("store", scratch, timeout: "\(10 + round)s"), to: "resources/store.yaml")
                try scratch.write(Self.sqlite("other", scratch, timeout: "\(10 + round)s"), to: "resources/other\(round).yaml")
                if round > 1 { try FileManager.default.removeItem(atPath: scratch.file("resources/other\(round - 1).yaml")) }
                try await Self.replaced("store", round, octavo)
                try load.check()
            }
            let (reads, calls) = try await load.stopped()
            #expect(reads > 100 && calls > 100)
            #expect(try await octavo.json("status")["errors"]?.integer == 0)
            #expect(try await octavo.octavo("state", "get", "store", "key").output == ReloadTests.value)
        }
    }

    @Test("makes, changes and removes components, with the clear error for what is gone")
    func life() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("one", scratch), to: "resources/one.yaml")
        try scratch.write(Self.sqlite("stays", scratch), to: "resources/stays.yaml")
        try await Self.with(scratch) { octavo in
            let get = { (name: String) in try await Curl(path: "/v1.0/state/\(name)/k").send(to: octavo.base) }
            let unknown = try await get("never")
            // Two in one file, and one that is not for this app.
            try scratch.write(
                Self.sqlite("two", scratch) + "---\n" + Self.sqlite("three", scratch) + "---\n"
                    + Self.sqlite("hers", scratch) + "scopes: [another]\n", to: "resources/more.yaml")
            try await eventually("two and three") { try await octavo.json("component", "list")["components"]?.array?.count == 4 ? () : nil }
            for name in ["one", "two", "three"] { try await Self.line(name, scratch, octavo) }
            #expect(try await get("hers").status == unknown.status)
            // A component moves to another file: nothing happens to it but that.
            try scratch.write(Self.sqlite("one", scratch) + "---\n" + Self.sqlite("two", scratch), to: "resources/a-new.yaml")
            try FileManager.default.removeItem(atPath: scratch.file("resources/one.yaml"))
            try scratch.write(Self.sqlite("three", scratch), to: "resources/more.yaml")
            try await eventually("the place of two") {
                try await octavo.json("component", "describe", "two")["source"]?.string?.contains("a-new.yaml") == true ? () : nil
            }
            #expect(!octavo.process.errors.contains("component replaced"))
            #expect(try await octavo.json("component", "describe", "one")["source"]?.string?.contains("a-new.yaml") == true)
            // Another kind under the same name is another component.
            try scratch.write(Resource.component("three", "lock.sqlite", [("connectionString", scratch.file("locks.db"))]), to: "resources/more.yaml")
            try await eventually("three is a lock") { try await Self.component("three", octavo)?["type"]?.string == "lock.sqlite" ? () : nil }
            #expect(try await get("three").status == unknown.status)
            try FileManager.default.removeItem(atPath: scratch.file("resources/a-new.yaml"))
            try await eventually("one and two are gone") { try await octavo.json("component", "list")["components"]?.array?.count == 2 ? () : nil }
            let gone = try await get("one")
            #expect(gone.status == unknown.status)
            #expect(gone.json?["errorCode"]?.string?.isEmpty == false)
            #expect(try await octavo.json("status")["ready"] == .bool(true))
        }
    }

    @Test("that is wrong is refused and said everywhere, and what was there goes on until it is mended")
    func refused() async throws {
        let server = try await RedisServer.start()
        let scratch = try Scratch()
        let good = Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(server.port)"), ("redisPassword", "")])
        try scratch.write(good, to: "resources/store.yaml")
        try scratch.write(Self.sqlite("other", scratch), to: "resources/other.yaml")
        let broken: [(text: String, cause: String)] = [
            ("apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store\n", "store.yaml"),
            (good + "    - name: redisDB\n      value: many\n", "redisDB must be"),
            (good.replacingOccurrences(of: "state.redis", with: "state.reddis"), "did you mean state.redis?"),
            (good.replacingOccurrences(of: "127.0.0.1:\(server.port)", with: "127.0.0.1:1"), "component store can't be given its new settings"),
            (good.replacingOccurrences(of: "value: \"\"", with: "secretKeyRef: {name: absent}") + "auth: {secretStore: vault}\n", "vault"),
        ]
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            for (index, change) in broken.enumerated() {
                try scratch.write(change.text, to: "resources/store.yaml")
                let problem = try await eventually("the status tells of \(change.cause)") { () async throws -> String? in
                    try await octavo.json("status")["resourceProblems"]?.array?.compactMap(\.string).first { $0.contains(change.cause) }
                }
                #expect(octavo.process.errors.contains(change.cause), "\(problem)")
                #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
                #expect(try await Self.component("store", octavo)?["state"]?.string == "ready")
                if index > 0 {
                    #expect(try await Self.component("store", octavo)?["refusedChange"]?.string?.contains(change.cause) == true)
                    #expect(try await octavo.octavo("component", "list").output.contains("can't be given its new"))
                }
                #expect(try await octavo.octavo("doctor").output.contains("store"))
                let page = try await Curl(path: "/").send(to: "http://127.0.0.1:\(octavo.metrics)").body
                #expect(!page.contains("octavo_resource_problems 0"))
                let reload = try await octavo.octavo("resources", "reload", "--json")
                #expect(reload.code == 1)
                #expect(try JSONValue(parsing: reload.output)["refused"]?.array?.first?["cause"]?.string?.contains(change.cause) == true)
            }
            try scratch.write(good + "    - name: redisDB\n      value: \"0\"\n", to: "resources/store.yaml")
            try await Self.replaced("store", 1, octavo)
            try await eventually("no problem is left") {
                try await octavo.json("status")["resourceProblems"]?.array?.isEmpty == true ? () : nil
            }
            #expect(try await Self.component("store", octavo)?["refusedChange"]?.string == nil)
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            #expect(try await octavo.octavo("resources", "reload").code == 0)
        }
        try await server.killed()
    }

    @Test("that names a server which is not up yet is taken in when the server is")
    func laterServer() async throws {
        let first = try await RedisServer.start(), second = try await RedisServer.start()
        let scratch = try Scratch()
        func store(_ server: RedisServer) -> String {
            Resource.component("store", "state.redis", [("redisHost", "127.0.0.1:\(server.port)"), ("redisPassword", "")])
        }
        try scratch.write(store(first), to: "resources/store.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            try await second.killed()
            try scratch.write(store(second), to: "resources/store.yaml")
            try await eventually("the refusal") { try await Self.component("store", octavo)?["refusedChange"]?.string != nil ? () : nil }
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            let again = try await RedisServer.start(port: second.port)
            try await Self.replaced("store", 1, octavo)
            #expect(try await octavo.octavo("state", "get", "store", "k").output.isEmpty)
            try await again.killed()
        }
        try await first.killed()
    }

    @Test("that starts slowly holds up no other, nor its own next change")
    func slow() async throws {
        let server = try await RedisServer.start()
        // It takes connections, and says nothing.
        let silent = try ListeningSocket(backlog: 16)
        let scratch = try Scratch()
        func store(_ port: Int) -> String {
            Resource.component(
                "store", "state.redis", [("redisHost", "127.0.0.1:\(port)"), ("dialTimeout", "20s"), ("readTimeout", "20s")],
                extra: ["initTimeout: 12s"])
        }
        try scratch.write(store(server.port), to: "resources/store.yaml")
        try scratch.write(Self.sqlite("other", scratch), to: "resources/other.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            try scratch.write(store(silent.port), to: "resources/store.yaml")
            try await Task.sleep(for: .milliseconds(500))
            for round in 1...3 {
                try scratch.write(Self.sqlite("other", scratch, timeout: "\(10 + round)s"), to: "resources/other.yaml")
                try await Self.replaced("other", round, octavo)
            }
            #expect(!octavo.process.errors.contains("a changed resource was refused"), "the slow one was waited for")
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            // Back to what it was: it is that in the end, whatever became of the change in between.
            try scratch.write(store(server.port), to: "resources/store.yaml")
            try await Self.replaced("store", 1, octavo, within: .seconds(60))
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            #expect(try await Self.component("store", octavo)?["refusedChange"]?.string == nil)
            #expect(try await octavo.json("status")["resourceProblems"]?.array == [])
        }
        try await server.killed()
    }

    @Test("whose name another file has already is refused with both files named, and what runs stays")
    func doubled() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("store", scratch), to: "resources/m.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            try scratch.write(Resource.component("store", "state.in-memory"), to: "resources/a.yaml")
            let said = try await eventually("the error") { () async throws -> String? in
                try await octavo.json("status")["resourceProblems"]?.array?.first?.string
            }
            #expect(said.contains("/a.yaml") && said.contains("/m.yaml"))
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            try FileManager.default.removeItem(atPath: scratch.file("resources/m.yaml"))
            try await eventually("the other one") { try await Self.component("store", octavo)?["type"]?.string == "state.in-memory" ? () : nil }
            try await Self.line("store", scratch, octavo)
        }
    }

    /// How files are changed. `$1` is the new text, `$2` the folder, `$3` what no file may be named but in passing.
    private static let ways = [
        #"cat "$1" >"$2/store.yaml""#,
        #"cp "$1" "$2/.store.yaml.new" && mv "$2/.store.yaml.new" "$2/store.yaml""#,
        #"mv "$2/store.yaml" "$2/store.yaml~"; cp "$1" "$2/store.yaml"; rm "$2/store.yaml~""#,
        #"ln -s user@host.1:2 "$2/.#store.yaml"; { head -c 60; sleep 0.6; cat; } <"$1" >"$2/store.yaml"; rm "$2/.#store.yaml""#,
        #"cp "$2/store.yaml" "$2/.store.yaml.swp"; : >"$2/4913"; rm "$2/4913"; cat "$1" >"$2/store.yaml"; rm "$2/.store.yaml.swp""#,
        #"cp "$1" "$2/../next.yaml"; ln -f "$2/../next.yaml" "$2/linked.yaml" && mv "$2/linked.yaml" "$2/store.yaml""#,
        // The folder itself is another one.
        #"mkdir "$2.new"; cp "$1" "$2.new/store.yaml"; mv "$2" "$2.old"; mv "$2.new" "$2"; rm -r "$2.old""#,
        #"cat "$1" >"$2/store.yaml""#,
    ]

    @Test("is read whole, in whichever way it was written", .timeLimit(.minutes(2)))
    func ways() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("store", scratch), to: "resources/store.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            for (index, way) in Self.ways.enumerated() {
                let text = try scratch.write(Self.sqlite("store", scratch, timeout: "\(20 + index)s"), to: "next")
                let end = try await Subprocess.run("sh", ["-c", way, "sh", text, scratch.file("resources")])
                #expect(end.code == 0, "\(end.errors)")
                try await Self.replaced("store", index + 1, octavo)
                #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            }
            #expect(!octavo.process.errors.contains("error"), "\(octavo.process.errors)")
            #expect(!octavo.process.errors.contains("component removed"))
        }
    }

    @Test("comes with the others of its folder when a link is turned, as Kubernetes does it")
    func links() async throws {
        let scratch = try Scratch()
        func version(_ number: Int) throws {
            try scratch.write(Self.sqlite("one", scratch, timeout: "\(10 + number)s"), to: "resources/..v\(number)/one.yaml")
            try scratch.write(Self.sqlite("two", scratch, timeout: "\(10 + number)s"), to: "resources/..v\(number)/two.yaml")
        }
        let files = FileManager.default
        try version(1)
        try files.createSymbolicLink(atPath: scratch.file("resources/..data"), withDestinationPath: "..v1")
        for name in ["one", "two"] {
            try files.createSymbolicLink(atPath: scratch.file("resources/\(name).yaml"), withDestinationPath: "..data/\(name).yaml")
        }
        try await Self.with(scratch) { octavo in
            for name in ["one", "two"] { try await Self.line(name, scratch, octavo) }
            for number in 2...5 {
                try version(number)
                try files.createSymbolicLink(atPath: scratch.file("resources/..data_tmp"), withDestinationPath: "..v\(number)")
                #expect(rename(scratch.file("resources/..data_tmp"), scratch.file("resources/..data")) == 0)
                try files.removeItem(atPath: scratch.file("resources/..v\(number - 1)"))
                for name in ["one", "two"] { try await Self.replaced(name, number - 1, octavo) }
                #expect(try await octavo.octavo("state", "get", "one", "k").output == "of one")
            }
            #expect(!octavo.process.errors.contains("component removed"))
        }
    }

    @Test("is not taken for empty while it is written anew, whatever else changes meanwhile", .timeLimit(.minutes(2)))
    func halfWritten() async throws {
        let scratch = try Scratch()
        let text = Self.sqlite("store", scratch)
        try scratch.write(text, to: "resources/store.yaml")
        let path = scratch.file("resources/store.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            // A writer of many small files in place, and one who empties the file before they write it.
            for round in 0..<60 {
                try scratch.write(Self.sqlite("other\(round % 3)", scratch), to: "resources/other\(round % 3).yaml")
                let file = fopen(path, "w")
                try await Task.sleep(for: .milliseconds(round * 5 % 60))
                fputs(text, file)
                fclose(file)
                if round % 10 == 9 { _ = try await octavo.octavo("resources", "reload") }
                try await Task.sleep(for: .milliseconds(round * 7 % 90))
            }
            #expect(try await octavo.octavo("resources", "reload").code == 0)
            #expect(!octavo.process.errors.contains("component removed"))
            #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
        }
    }

    @Test("may say where the component's plugin runs")
    func isolation() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("store", scratch), to: "resources/store.yaml")
        try await Self.with(scratch) { octavo in
            try await Self.line("store", scratch, octavo)
            for (word, mode) in [("process", "isolated"), ("none", "in process")] {
                try scratch.write(
                    Self.sqlite("store", scratch).replacingOccurrences(
                        of: "  name: store\n", with: "  name: store\n  annotations:\n    octavo.io/isolation: \(word)\n"),
                    to: "resources/store.yaml")
                try await eventually("the plugin is \(mode)") {
                    try await octavo.json("plugin", "describe", "sqlite")["summary"]?["mode"]?.string == mode ? () : nil
                }
                #expect(try await octavo.octavo("state", "get", "store", "k").output == "of store")
            }
            #expect(!octavo.process.errors.contains("component removed"))
        }
    }

    @Test("may bring a secret store and what refers to it, and another secret")
    func secrets() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("first", scratch), to: "resources/first.yaml")
        for number in 1...2 { try scratch.write(#"{"place": "\#(scratch.file("secret\(number).db"))"}"#, to: "secrets\(number).json") }
        func secretStore(_ number: Int) -> String {
            Resource.component("zsecrets", "secretstores.local.file", [("secretsFile", scratch.file("secrets\(number).json"))])
        }
        let store = """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: store}
            spec:
              type: state.sqlite
              version: v1
              metadata:
                - name: connectionString
                  secretKeyRef: {name: place, key: place}
            auth: {secretStore: zsecrets}

            """
        try await Self.with(scratch) { octavo in
            try scratch.write(store + "---\n" + secretStore(1), to: "resources/new.yaml")
            try await eventually("the store") { try await Self.component("store", octavo)?["state"]?.string == "ready" ? () : nil }
            try await Self.line("store", scratch, octavo)
            #expect(FileManager.default.fileExists(atPath: scratch.file("secret1.db")))
            try scratch.write(store + "---\n" + secretStore(2), to: "resources/new.yaml")
            try await Self.replaced("store", 1, octavo)
            #expect(FileManager.default.fileExists(atPath: scratch.file("secret2.db")))
            #expect(try await octavo.octavo("state", "get", "store", "k").output.isEmpty)
        }
    }

    @Test("is not looked for when the configuration says so; a command and a signal ask for it")
    func asked() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.sqlite("one", scratch), to: "resources/one.yaml")
        let settings = try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  features:\n    - {name: HotReload, enabled: false}\n",
            to: "config.yaml")
        try await Self.with(scratch, flags: ["--config", settings]) { octavo in
            #expect(!octavo.process.errors.contains("resource files are watched"))
            try scratch.write(Self.sqlite("two", scratch), to: "resources/two.yaml")
            let change = try await octavo.json("resources", "reload")
            #expect(change["created"]?.array == [.string("two")])
            #expect(change["refused"]?.array == [])
            // It has started by the time that the command says so.
            #expect(try await Self.component("two", octavo)?["state"]?.string == "ready")
            #expect(try await octavo.json("resources", "reload")["updated"]?.array == [])
            try scratch.write(Resource.component("bad", "state.unknown"), to: "resources/bad.yaml")
            #expect(try await octavo.octavo("resources", "reload").code == 1)
            try FileManager.default.removeItem(atPath: scratch.file("resources/two.yaml"))
            // In a terminal the signal tells that the terminal has gone.
            if open("/dev/tty", O_RDWR) < 0 {
                octavo.process.kill(SIGHUP)
                try await eventually("two is gone") { try await Self.component("two", octavo) == nil ? () : nil }
            }
        }
    }

    @Test("after a hundred random changes leaves what a fresh start makes of the files", .timeLimit(.minutes(4)))
    func stress() async throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.file("resources"), withIntermediateDirectories: true)
        try scratch.write(Self.sqlite("steady", scratch), to: "resources/steady.yaml")
        var seed = UInt64(0x5DEECE66D)
        func random(_ limit: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % limit
        }
        func document(_ name: String) -> String {
            switch random(6) {
            case 0: Resource.component(name, "state.in-memory")
            case 1: Resource.component(name, "pubsub.in-memory")
            case 2: Resource.component(name, "lock.sqlite", [("connectionString", scratch.file(name + "-lock.db"))])
            case 3: Self.sqlite(name, scratch, timeout: "\(1 + random(50))s") + (random(4) == 0 ? "scopes: [another]\n" : "")
            default: Self.sqlite(name, scratch, timeout: "\(1 + random(50))s")
            }
        }
        func shape(_ octavo: OctavoProcess) async throws -> [String] {
            let list = try await octavo.json("component", "list")["components"]?.array ?? []
            return try await list.asyncMap { one in
                let name = one["name"]?.string ?? ""
                let source = try await octavo.json("component", "describe", name)["source"]?.string ?? ""
                return "\(name) \(one["type"]?.string ?? "") \(one["state"]?.string ?? "") \(source)"
            }
        }
        var live: [String] = []
        try await Self.with(scratch) { octavo in
            try await Self.line("steady", scratch, octavo)
            for _ in 0..<100 {
                // Each file has names of its own, so that a name comes once.
                let file = random(5), path = scratch.file("resources/f\(file).yaml")
                switch random(5) {
                case 0: try? FileManager.default.removeItem(atPath: path)
                default:
                    let text = (0...random(3)).map { document("c\(file)-\($0)") }.joined(separator: "---\n")
                    try scratch.write(text, to: "next")
                    if random(2) == 0 {
                        #expect(rename(scratch.file("next"), path) == 0)
                    } else {
                        try scratch.write(text, to: "resources/f\(file).yaml")
                    }
                }
                if random(3) == 0 { try await Task.sleep(for: .milliseconds(random(400))) }
                #expect(try await Curl(path: "/v1.0/state/steady/k").send(to: octavo.base).status == 200)
            }
            #expect(try await octavo.octavo("resources", "reload").code == 0)
            live = try await shape(octavo)
            #expect(live.allSatisfy { $0.contains(" ready ") }, "\(live)")
        }
        try await Self.with(scratch) { octavo in
            let fresh = try await shape(octavo)
            #expect(live == fresh)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
        var all: [Value] = []
        for one in self { all.append(try await transform(one)) }
        return all
    }
}

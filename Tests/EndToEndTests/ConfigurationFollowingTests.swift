import Foundation
import JSONText
import Testing

@Suite(
    "Whoever follows configuration hears in the end what there is", .serialized,
    .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct ConfigurationFollowingTests {
    private func follow(_ store: String, _ keys: [String], _ octavo: OctavoProcess) async throws -> Subprocess {
        let follower = try Subprocess(
            Places.python, [Places.script("follow"), store] + keys, environment: SDKTests.environment(octavo))
        try await hear("subscribed", follower)
        return follower
    }

    private func hear(_ line: String, _ follower: Subprocess) async throws {
        try await eventually("the line \(line) in: \(follower.output)\(follower.errors)") {
            if let code = follower.code, !follower.output.contains(line) {
                throw Trouble("the follower ended with \(code): \(follower.errors)")
            }
            return follower.output.split(separator: "\n").contains { $0 == line } ? () : nil
        }
    }

    private func set(_ key: String, _ value: String, _ store: String, _ octavo: OctavoProcess) async throws {
        let answer = try await Curl(
            method: "POST", path: "/v1.0/configuration/\(store)", body: #"[{"key":"\#(key)","value":"\#(value)"}]"#
        ).send(to: octavo.base)
        #expect(answer.status == 204, "\(answer)")
    }

    private func redis(_ port: Int, _ words: String...) async throws {
        let result = try await Subprocess.run("redis-cli", ["-p", "\(port)"] + words)
        #expect(result.code == 0 && !result.output.contains("ERR"), "\(result)")
    }

    @Test("when its Redis server was away, and has forgotten some and learnt other", arguments: StoresTests.modes)
    func outage(flags: [String]) async throws {
        var server = try await RedisServer.start()
        let scratch = try Scratch()
        try scratch.write(
            Resource.component(
                "remote", "configuration.redis",
                [("redisHost", "127.0.0.1:\(server.port)"), ("redisMaxRetryInterval", "500ms")]), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            try await redis(server.port, "set", "a", "1||7")
            let follower = try await follow("remote", ["a", "b", "c"], octavo)
            let all = try await follow("remote", [], octavo)
            try await redis(server.port, "set", "b", "1")
            try await hear("b=1", follower)
            for round in 2...3 {
                try await server.killed()
                server = try await RedisServer.start(port: server.port)
                try await redis(server.port, "set", "b", "\(round)")
                for one in [follower, all] { try await hear("b=\(round)", one) }
                try await redis(server.port, "set", "c", "\(round)")
                for one in [follower, all] { try await hear("c=\(round)", one) }
            }
            for one in [follower, all] { try await hear("a=", one) }
            #expect(follower.output.components(separatedBy: "a=").count == 2, "\(follower.output)")
        }
        try await server.killed()
    }

    @Test("when its PostgreSQL server was away, and what changed is told once", arguments: StoresTests.modes)
    func database(flags: [String]) async throws {
        let server = try await PostgreSQLServer.start()
        // A table and a trigger of the user's own, whose channel the subscription names.
        try await server.sql(
            """
            CREATE TABLE mine (key VARCHAR NOT NULL, value VARCHAR NOT NULL, version VARCHAR NOT NULL, metadata JSON);
            CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              PERFORM pg_notify('Own channel', json_build_object('data', row_to_json(coalesce(NEW, OLD)))::text); RETURN NULL; END $$;
            CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION tell();
            INSERT INTO mine VALUES ('a', '1', '7', '{"unit":"s"}'), ('gone', '1', '1', NULL);
            """)
        let scratch = try Scratch()
        try scratch.write(
            Resource.component("remote", "configuration.postgresql", [("connectionString", server.connectionString), ("table", "mine")]),
            to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            let follower = try await follow("remote", ["a", "b", "gone", "pgNotifyChannel=Own channel"], octavo)
            try await server.sql("INSERT INTO mine VALUES ('b', '1', '1', NULL)")
            try await hear("b=1", follower)
            for round in 2...3 {
                try await server.killed()
                try await server.start()
                try await server.sql("UPDATE mine SET value = '\(round)' WHERE key = 'b'; DELETE FROM mine WHERE key = 'gone'")
                try await hear("b=\(round)", follower)
                try await hear("gone=", follower)
            }
            #expect(follower.output.components(separatedBy: "gone=").count == 2, "\(follower.output)")
            #expect(!follower.output.contains("\na="), "\(follower.output)")
            let answer = try await Curl(path: "/v1.0/configuration/remote?key=a").send(to: octavo.base)
            #expect(answer.json?["a"]?["value"]?.string == "1" && answer.json?["a"]?["version"]?.string == "7", "\(answer.body)")
            #expect(answer.json?["a"]?["metadata"]?["unit"]?.string == "s", "\(answer.body)")
        }
    }

    @Test("when its plugin was reloaded")
    func reload() async throws {
        try await OctavoProcess.with { octavo in
            let follower = try await follow("configstore", ["a"], octavo)
            for round in 1...5 {
                let reloaded = try await octavo.octavo("plugin", "reload", "sqlite")
                #expect(reloaded.code == 0, "\(reloaded)")
                try await set("a", "\(round)", "configstore", octavo)
                try await hear("a=\(round)", follower)
            }
        }
    }

    @Test("when its plugin's process was killed, and somebody wrote meanwhile")
    func killed() async throws {
        let scratch = try Scratch()
        try scratch.write("{}", to: "items.json")
        try scratch.write(
            Resource.component("items", "configuration.file", [("file", scratch.file("items.json"))]), to: "resources/all.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--isolate", "all"]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            let follower = try await follow("items", ["a"], octavo)
            var last = 0
            for round in 1...3 {
                let pid: Int = try await eventually("another process") {
                    let pid = try await octavo.json("plugin", "describe", "config-file")["summary"]?["processID"]?.integer ?? 0
                    return pid > 0 && pid != last ? pid : nil
                }
                last = pid
                kill(pid_t(pid), SIGKILL)
                try scratch.write(#"{"a": \#(round)}"#, to: "new.json")
                rename(scratch.file("new.json"), scratch.file("items.json"))
                try await hear("a=\(round)", follower)
            }
        }
    }

    @Test("and does not keep the runtime from stopping")
    func stop() async throws {
        let octavo = try await OctavoProcess.start()
        let follower = try await follow("configstore", [], octavo)
        let began = ContinuousClock.now
        try await octavo.stop()
        #expect(ContinuousClock.now - began < .seconds(4), "the stream was waited for")
        let end = try await follower.ended()
        #expect(end.code == 0 && end.output.hasSuffix("end\n"), "\(end)")
    }

    @Test("and over HTTP is told that there is nobody to tell")
    func http() async throws {
        try await OctavoProcess.with { octavo in
            let refused = try await Curl(path: "/v1.0/configuration/configstore/subscribe?key=a").send(to: octavo.base)
            #expect(refused.status == 500)
            #expect(refused.json?["errorCode"]?.string == "ERR_APP_CHANNEL_NIL", "\(refused.body)")
        }
    }
}

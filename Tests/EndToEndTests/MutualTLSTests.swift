import Foundation
import JSONText
import Testing

@Suite("Runtimes know each other by certificates", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct MutualTLSTests {
    private func call(_ caller: OctavoProcess, _ path: String = "a", headers: [String] = []) async throws -> Curl.Answer {
        try await Curl(path: "/v1.0/invoke/callee/method/\(path)", headers: headers).send(to: caller.base)
    }

    private func known(_ caller: OctavoProcess, _ callee: OctavoProcess? = nil) async throws {
        try await eventually("the name is known\n\(callee?.process.errors.suffix(2000) ?? "")") {
            try await call(caller).status == 200 ? () : nil
        }
    }

    /// Speaks to the listener for other runtimes.
    private func strange(_ callee: OctavoProcess, _ arguments: [String], app: String = "callee") async throws -> Subprocess.Result {
        let port = try #require(callee.addresses["internal"]?.split(separator: ":").last)
        return try await Subprocess.run(
            "curl", ["-sSk", "--max-time", "10", "--http2", "-w", "\n%{http_code}", "-H", "dapr-callee-app-id: \(app)"] + arguments + ["https://127.0.0.1:\(port)/a"])
    }

    private func identity(_ folder: String) -> [String] { ["--cert", folder + "/cert.pem", "--key", folder + "/key.pem"] }

    @Test("over HTTP, gRPC and streams as without, and the app hears who the certificate says", arguments: ["http", "grpc"])
    func calls(wire: String) async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let (process, port) = try await Names.app(wire)
        let callee = try await OctavoProcess.start(
            flags: ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", wire] + names + authority.issue("callee"),
            environment: ["APP_API_TOKEN": "app-secret"])
        #expect(callee.addresses["internal"]?.hasPrefix("0.0.0.0:") == true, "\(callee.addresses)")
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            try await known(caller, callee)
            let end = try await Subprocess.run(
                Places.python, [Places.script("invoke"), wire, "callee"], environment: SDKTests.environment(caller), within: .seconds(120))
            #expect(end.code == 0, "\(end.output)\(end.errors)\n\(callee.process.errors.suffix(2000))")
        }
        // Others: a name that is not the certificate's, none, one that is no runtime's, and plain text.
        let certificates = try await Certificates()
        let liar = try await strange(callee, identity(authority.leaf("caller")) + ["-H", "dapr-caller-app-id: somebody"])
        #expect(liar.output.hasSuffix("\n403") && liar.output.contains("somebody"), "\(liar)")
        let other = try await strange(callee, identity(authority.leaf("caller")), app: "other")
        #expect(other.output.hasSuffix("\n400"), "\(other)")
        for arguments in [[], ["--cert", certificates.client, "--key", certificates.clientKey]] {
            let refused = try await strange(callee, arguments)
            #expect(refused.code != 0 && refused.output.hasSuffix("\n000"), "\(refused)")
        }
        let http1 = try await Subprocess.run(
            "curl", ["-sSk", "--http1.1", "--no-alpn"] + identity(authority.leaf("caller")) + ["https://127.0.0.1:\(callee.addresses["internal"]!.split(separator: ":")[1])/a"])
        #expect(http1.code != 0, "\(http1)")
        let plain = try await Subprocess.run("curl", ["-sS", "--http2-prior-knowledge", "http://127.0.0.1:\(callee.addresses["internal"]!.split(separator: ":")[1])/a"])
        #expect(plain.code != 0, "\(plain)")
        // Nobody comes in by a session of before, whatever has become of his root since.
        for version in ["-tls1_2", "-tls1_3"] {
            let session = scratch.file("session\(version)")
            for way in ["-sess_out", "-sess_in"] where way == "-sess_out" || FileManager.default.fileExists(atPath: session) {
                let end = try await Subprocess.run(
                    "openssl",
                    ["s_client", "-connect", "127.0.0.1:\(callee.addresses["internal"]!.split(separator: ":")[1])", "-alpn", "h2", version, way, session]
                        + ["-cert", authority.leaf("caller") + "/cert.pem", "-key", authority.leaf("caller") + "/key.pem"], input: "")
                #expect(end.output.contains("New, TLS") && !end.output.contains("Reused, TLS"), "\(end)")
                #expect(!end.output.contains("New Session Ticket arrived"), "\(end)")
            }
        }
        if wire == "http" {
            let known = try await strange(callee, identity(authority.leaf("caller")))
            #expect(known.output.hasSuffix("\n200") && known.output.contains(#""dapr-caller-app-id": "caller""#), "\(known)")
            #expect(known.output.contains(#""dapr-caller-namespace": "default""#), "\(known)")
        }
        try await callee.stop()
        process.kill(SIGKILL)
    }

    @Test("who answers under the name of another app is refused before it has seen anything")
    func impostor() async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        // It advertises itself as callee in the file of names; its certificate is that of another app.
        let impostor = try await OctavoProcess.start(
            flags: ["--app-id", "mallory", "--app-port", "\(app.port)"] + names + authority.issue("mallory"))
        let stranger = try await TestAuthority()
        let strange = try await OctavoProcess.start(flags: ["--app-id", "strange", "--app-port", "\(app.port)"] + names + stranger.issue("strange"))
        let plain = try await OctavoProcess.start(flags: ["--app-id", "plain", "--app-port", "\(app.port)"] + names)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            try await eventually("all are known") {
                let text = try await Subprocess.run("sqlite3", [scratch.file("names.db"), ".dump"]).output
                return ["mallory", "strange", "plain"].allSatisfy { text.contains($0) } ? () : nil
            }
            let renamed = try await Subprocess.run(
                Places.python,
                ["-c", Self.rename, scratch.file("names.db")])
            #expect(renamed.code == 0, "\(renamed)")
            for (app, cause) in [
                ("callee", #"for \"spiffe://public/ns/default/mallory\", not for \"spiffe://public/ns/default/callee\""#), ("strange", "its certificate is not trusted"),
                ("plain", "TLS failed"),
            ] {
                let answer = try await eventually("\(app) is found") { () async throws -> Curl.Answer? in
                    let answer = try await Curl(path: "/v1.0/invoke/\(app)/method/a").send(to: caller.base)
                    return answer.body.contains("resolve") ? nil : answer
                }
                #expect(answer.status == 500 && answer.body.contains(cause), "\(app): \(answer)")
            }
        }
        // And the other way round: one that calls without a certificate that is trusted hears why.
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + stranger.issue("caller")) { caller in
            let answer = try await Curl(path: "/v1.0/invoke/mallory/method/a").send(to: caller.base)
            #expect(answer.status == 500 && answer.body.contains("TLS failed"), "\(answer)")
        }
        for one in [impostor, strange, plain] { try await one.stop() }
        app.process.kill(SIGKILL)
    }

    /// Adds an instance of "callee" where "mallory" is.
    private static let rename = """
        import sqlite3, sys
        base = sqlite3.connect(sys.argv[1], timeout=20)
        table = [name for (name,) in base.execute("select name from sqlite_master where type='table' and sql like '%registration_id%'")][0]
        base.execute(f"create temp table t as select * from {table} where app_id='mallory'")
        base.execute("update t set app_id='callee', registration_id='other', address=replace(address, '127.0.0.1', '127.0.0.2')")
        base.execute(f"insert into {table} select * from t")
        base.commit()
        """

    @Test("certificates and roots are changed under load without one call lost, and an end of trust is one for those connected, too")
    func rotation() async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        let callee = try await OctavoProcess.start(flags: ["--app-id", "callee", "--app-port", "\(app.port)"] + names + authority.issue("callee"))
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            try await known(caller, callee)
            let load = try Subprocess(Places.python, [Places.script("peer_load"), "\(caller.http)", "callee", scratch.file("stop")])
            func changes(_ octavo: OctavoProcess) -> Int { octavo.process.errors.components(separatedBy: "changed certificates are used").count - 1 }
            func renew(_ name: String, _ octavo: OctavoProcess) async throws {
                let before = changes(octavo)
                try await authority.octavo("rotate", "--leaf", authority.leaf(name))
                try await eventually("\(name) takes its certificate in\n\(octavo.process.errors.suffix(2000))", within: .seconds(30)) {
                    changes(octavo) > before ? () : nil
                }
            }
            func carried() async throws {
                // A dot for a hundred calls, and for each of those that take longer.
                let count = load.output.utf8.count
                try await eventually("calls go on", within: .seconds(60)) { load.output.utf8.count > count + 3 ? () : nil }
            }
            try await carried()
            // Leaves, then the root, with the leaves after it in both orders.
            try await renew("callee", callee)
            try await carried()
            try await renew("caller", caller)
            try await carried()
            try await authority.octavo("rotate")
            try await renew("caller", caller)
            try await carried()
            try await renew("callee", callee)
            try await carried()
            try await authority.octavo("rotate", "--retire")
            try await renew("callee", callee)
            try await carried()
            try await renew("caller", caller)
            try await carried()
            let samples = try await callee.samples()
            #expect(samples[#"dapr_runtime_mtls_init_total{app_id="callee"}"#] == 1)
            #expect(samples[#"dapr_runtime_mtls_workload_cert_rotated_total{app_id="callee"}"#] == Double(changes(callee)))
            try scratch.write("", to: "stop")
            let end = try await load.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.output.suffix(3000))\(end.errors)\n\(callee.process.errors.suffix(2000))\n\(caller.process.errors.suffix(2000))")
            print("rotation under load: \(end.output.suffix(200))")

            // A runtime whose root is trusted no more: the connection that it has is cut, and there is no way back.
            let long = try Subprocess("curl", ["-sSN", "--max-time", "100", "\(caller.base)/v1.0/invoke/callee/method/sse/400"])
            try await eventually("it is under way") { long.output.contains("data: 1") ? () : nil }
            let other = try await TestAuthority()
            _ = try await other.issue("callee")
            for file in ["cert.pem", "key.pem", "ca.pem"] {
                try FileManager.default.removeItem(atPath: authority.leaf("callee") + "/" + file)
                try FileManager.default.copyItem(atPath: other.leaf("callee") + "/" + file, toPath: authority.leaf("callee") + "/" + file)
            }
            let cut = try await long.ended()
            #expect(cut.code != 0 && cut.code != 28, "\(cut)")
            let answer = try await call(caller)
            #expect(answer.status == 500 && answer.body.contains("TLS failed"), "\(answer)")
        }
        try await callee.stop()
        app.process.kill(SIGKILL)
    }

    @Test("Envoy is the other side, both ways, and takes a certificate of a new root by the old one", .enabled(if: EnvoyServer.program != nil))
    func envoy() async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        let callee = try await OctavoProcess.start(flags: ["--app-id", "callee", "--app-port", "\(app.port)"] + names + authority.issue("callee"))
        let port = try #require(callee.addresses["internal"]?.split(separator: ":").last.flatMap { Int($0) })
        _ = try await authority.issue("foreign")
        // What it knows stays as it is while the runtimes' certificates change.
        try FileManager.default.copyItem(atPath: authority.leaf("foreign"), toPath: scratch.file("foreign"))
        let envoy = try await EnvoyServer.start(
            folder: scratch.file("foreign"), app: app.port, caller: "spiffe://public/ns/default/caller", callee: (port, "spiffe://public/ns/default/callee"))
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            try await known(caller, callee)
            let added = try await Subprocess.run(
                "sqlite3",
                [
                    scratch.file("names.db"), ".timeout 10000",
                    "create temp table t as select * from hosts where app_id='callee'; update t set app_id='foreign', registration_id='foreign', "
                        + "address='127.0.0.1:\(envoy.secure)'; insert into hosts select * from t;",
                ])
            #expect(added.code == 0, "\(added)")
            func both() async throws {
                let out = try await Curl(method: "POST", path: "/v1.0/invoke/foreign/method/a?x=1", body: "hello").send(to: caller.base)
                #expect(out.status == 200 && out.body.contains(#""body": "hello""#) && out.body.contains(#""path": "/a?x=1""#), "\(out)\n\(envoy.process.errors.suffix(2000))")
                let back = try await Curl(method: "POST", path: "/a", body: "hello").send(to: "http://127.0.0.1:\(envoy.plain)")
                #expect(back.status == 200 && back.body.contains(#""dapr-caller-app-id": "foreign""#), "\(back)\n\(envoy.process.errors.suffix(2000))")
            }
            try await both()
            let lie = try await Curl(path: "/a", headers: ["dapr-caller-app-id: caller"]).send(to: "http://127.0.0.1:\(envoy.plain)")
            #expect(lie.status == 403, "\(lie)")
            try await authority.octavo("rotate")
            for (name, octavo) in [("caller", caller), ("callee", callee)] {
                try await authority.octavo("rotate", "--leaf", authority.leaf(name))
                try await eventually("\(name) takes its certificate in", within: .seconds(30)) {
                    octavo.process.errors.contains("changed certificates are used") ? () : nil
                }
            }
            try await both()
        }
        // One that Envoy does not take hears so, and has sent nothing.
        try await OctavoProcess.with(flags: ["--app-id", "other"] + names + authority.issue("other")) { other in
            let answer = try await eventually("it finds the foreign one") { () async throws -> Curl.Answer? in
                let answer = try await Curl(path: "/v1.0/invoke/foreign/method/a").send(to: other.base)
                return answer.body.contains("resolve") ? nil : answer
            }
            #expect(answer.status == 500 && answer.body.contains("TLS failed"), "\(answer)")
        }
        try await callee.stop()
        envoy.process.kill(SIGKILL)
        app.process.kill(SIGKILL)
    }

    private static let access = """
          accessControl:
            defaultAction: deny
            trustDomain: public
            policies:
            - appId: caller
              defaultAction: deny
              trustDomain: public
              namespace: default
              operations:
              - {name: /a/*, httpVerb: [GET], action: allow}
              - {name: /test.Echo/Unary, httpVerb: ["*"], action: allow}
        """

    @Test("the callee's access control judges by the certificate and by the path that the app gets", arguments: ["http", "grpc"])
    func access(wire: String) async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let (process, port) = try await Names.app(wire)
        let own = try Scratch()
        let ruled = try Names.own(in: own, Self.access)
        try own.write(own.read("config.yaml").replacingOccurrences(of: own.file("names.db"), with: scratch.file("names.db")), to: "config.yaml")
        let callee = try await OctavoProcess.start(
            flags: ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", wire] + ruled + authority.issue("callee"))
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            try await eventually("the name is known\n\(callee.process.errors.suffix(2000))") {
                try await call(caller, "a/x").status == 200 ? () : nil
            }
            let end = try await Subprocess.run(
                Places.python, [Places.script("access"), wire, "callee"], environment: SDKTests.environment(caller), within: .seconds(60))
            #expect(end.code == 0, "\(end.output)\(end.errors)\n\(callee.process.errors.suffix(2000))")
            for (path, words) in [("secret", "/secret verb: GET"), ("a/x/y", "/a/x/y verb: GET"), ("a/../b", "/b verb: GET"), ("a", "/a verb: GET")] {
                let answer = try await call(caller, path)
                #expect(answer.status == 403, "\(path): \(answer)")
                #expect(answer.body == #"{"errorCode":"ERR_DIRECT_INVOKE","message":"access control policy has denied access to appid: caller operation: \#(words)"}"#)
            }
        }
        // Another app, by its certificate, whatever it says.
        try await OctavoProcess.with(flags: ["--app-id", "other"] + names + authority.issue("other")) { other in
            let answer = try await eventually("it finds the callee") { () async throws -> Curl.Answer? in
                let answer = try await call(other, "a/x", headers: ["dapr-caller-app-id: caller"])
                return answer.body.contains("resolve") ? nil : answer
            }
            #expect(answer.status == 403 && answer.body.contains("appid: other"), "\(answer)")
        }
        // A peer that cleans no paths.
        let internalPort = try #require(callee.addresses["internal"]?.split(separator: ":").last)
        for (path, status) in [
            ("/a/x", "200"), ("/b/../a/x", "200"), ("/a/../b", "403"), ("/a/%2e%2e/b", "400"), ("/a/..%2fb", "400"), ("/a/%252e%252e", "400"),
            ("/a/..;/b", "400"), ("/a/%c0%ae", "400"), ("//a//x", "200"), ("/a/x;y", "200"), ("/b;/a/x", "403"),
        ] {
            let end = try await Subprocess.run(
                "curl",
                ["-sSk", "--path-as-is", "--max-time", "10", "--http2", "-w", "\n%{http_code}", "-H", "dapr-callee-app-id: callee"]
                    + identity(authority.leaf("caller")) + ["https://127.0.0.1:\(internalPort)\(path)"])
            #expect(end.output.hasSuffix("\n" + status), "\(path): \(end)")
            // The app gets what was judged.
            if status == "200", wire == "http" { #expect(end.output.contains(path.contains(";") ? #""path": "/a/x;y""# : #""path": "/a/x""#), "\(path): \(end)") }
        }
        // Counted under Dapr's names: by the operation that has decided, never by the path.
        let samples = try await callee.samples()
        func count(_ family: String, _ labels: String) -> Double {
            samples.filter { $0.key.hasPrefix("dapr_runtime_acl_\(family)_total{") && $0.key.contains(labels) }.values.reduce(0, +)
        }
        let verb = wire == "http" ? "GET" : ""
        let ownLabels = #"{app_id="caller",trustDomain="public",namespace="default","#
        #expect(count("app_policy_action_allowed", ownLabels + #"operation="/a/*",method="\#(verb)",policyAction="true""#) >= 4, "\(samples)")
        #expect(count("app_policy_action_blocked", ownLabels + #"operation="",method="\#(verb)",policyAction="false""#) >= 4, "\(samples)")
        #expect(count("global_policy_action_blocked", #"{app_id="other",trustDomain="public",namespace="default","#) >= 1, "\(samples)")
        #expect(!samples.keys.contains { $0.hasPrefix("dapr_runtime_acl_") && $0.contains("secret") })
        try await callee.stop()
        // Without certificates nobody is known: the default action holds.
        let plain = try await OctavoProcess.start(flags: ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", wire] + ruled)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names) { caller in
            let answer = try await eventually("it finds the callee") { () async throws -> Curl.Answer? in
                let answer = try await call(caller, "a/x")
                return answer.status == 500 ? nil : answer
            }
            #expect(answer.status == 403 && answer.body.contains("appid:  operation: /a/x"), "\(answer)")
            #expect(plain.process.errors.contains("without certificates nobody knows which app calls"))
        }
        try await plain.stop()
        process.kill(SIGKILL)
    }

    @Test("an app of another namespace is known by the certificate of that one")
    func namespaces() async throws {
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        let callee = try await OctavoProcess.start(
            flags: ["--app-id", "callee", "--app-port", "\(app.port)"] + names + authority.issue("callee", namespace: "shop"),
            environment: ["NAMESPACE": "shop"])
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names + authority.issue("caller")) { caller in
            let answer = try await eventually("the name is known\n\(callee.process.errors.suffix(2000))") { () async throws -> Curl.Answer? in
                let answer = try await Curl(path: "/v1.0/invoke/callee.shop/method/a").send(to: caller.base)
                return answer.status == 200 ? answer : nil
            }
            #expect(answer.body.contains(#""dapr-caller-namespace": "default""#), "\(answer)")
        }
        try await callee.stop()
        app.process.kill(SIGKILL)
    }

    @Test("files that can't be used are said with their cause, at the start and later")
    func wrongFiles() async throws {
        let authority = try await TestAuthority()
        let flags = try await authority.issue("demo")
        let (scratch, folder) = (try Scratch(), authority.leaf("demo"))
        func start(_ flags: [String], _ environment: [String: String] = [:]) async throws -> String {
            let end = try await OctavoProcess.launch(in: Scratch(), flags: flags, environment: environment).ended()
            #expect(end.code == 1, "\(end)")
            return end.errors
        }
        _ = try await authority.issue("demo", name: "other")
        #expect(try await start(["--app-id", "else"] + flags).contains("is for the app demo in the namespace default, and this is the app else"))
        #expect(try await start(flags, ["NAMESPACE": "shop"]).contains("this is the app demo in the namespace shop"))
        #expect(try await start(["--tls-internal-cert", folder + "/cert.pem"]).contains("missing: --tls-internal-key"))
        #expect(
            try await start([], ["OCTAVO_TLS_INTERNAL_CERT": folder + "/none", "OCTAVO_TLS_INTERNAL_KEY": folder + "/key.pem", "OCTAVO_TLS_INTERNAL_CA": folder + "/ca.pem"])
                .contains("Can't read the certificate \(folder)/none: No such file"))
        #expect(
            try await start(Array(flags[0..<3]) + [authority.leaf("other") + "/key.pem"] + flags[4...]).contains("does not belong to the certificate"))
        let config = ["--config", try scratch.write("apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: a}\nspec: {mtls: {enabled: true}}\n", to: "c.yaml")]
        #expect(try await start(config).contains("spec.mtls is enabled, but no certificates are named"))
        // By the configuration alone; then half of a change, and the other half.
        try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: a}\nspec: {mtls: {certFile: \(folder)/cert.pem, keyFile: \(folder)/key.pem, caFile: \(folder)/ca.pem}}\n",
            to: "c.yaml")
        try await OctavoProcess.with(flags: config) { octavo in
            func put(_ file: String) throws {
                let path = folder + "/" + file
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.copyItem(atPath: authority.leaf("other") + "/" + file, toPath: path)
            }
            try put("cert.pem")
            try await eventually("it says why it waits") { octavo.process.errors.contains("does not belong to the certificate") ? () : nil }
            try put("key.pem")
            try await eventually("it goes on") { octavo.process.errors.contains("changed certificates are used") ? () : nil }
            let page = try await Subprocess.run("curl", ["-sS", "http://127.0.0.1:\(octavo.metrics)/metrics"]).output
            #expect(page.contains("octavo_mtls_certificate_changes_total 1"), "\(page)")
            #expect(page.contains(#"dapr_runtime_mtls_workload_cert_rotated_total{app_id="demo"} 1"#))
            #expect(page.contains(#"dapr_runtime_mtls_workload_cert_rotated_fail_total{app_id="demo",reason="files"} 1"#))
        }
        // It warns before the end: of a minute with five before it, for clocks that are behind, 70 % have gone at once.
        let short = try await authority.issue("demo", name: "short", lifetime: "60s")
        try await OctavoProcess.with(flags: short) { octavo in
            try await eventually("it warns") { octavo.process.errors.contains("ends soon; renew it") ? () : nil }
        }
    }
}

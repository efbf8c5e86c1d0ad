import Foundation
import JSONText
import Testing

@Suite("nameresolution.consul", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct ConsulNamesTests {
    private func settings(_ server: APIServer, _ more: [String] = ["selfRegister: true"]) -> [String] {
        ["client: {address: '127.0.0.1:\(server.port)'}"] + more
    }

    @Test("runtimes register, are called while they are there, and not when they have gone", .timeLimit(.minutes(3)))
    func comeAndGo() async throws {
        let server = try await APIServer.start("consul")
        try await Names("consul", settings(server)).comeAndGo()
    }

    @Test("a service says what Dapr's says, and one of Dapr's is called", arguments: StoresTests.modes)
    func registration(modes: [String]) async throws {
        let server = try await APIServer.start("consul")
        let names = try await Names(
            "consul",
            settings(
                server,
                [
                    "selfRegister: true", "tags: [dapr, 'v\"1']", "meta: {zone: a}", "daprPortMetaKey: DAPR_PORT",
                    "queryOptions: {filter: '\"dapr\" in Service.Tags', useCache: true}",
                ]), modes: modes)
        let callee = try await names.callee()
        try await names.caller { caller in
            try await Names.known(caller)
            let all = try JSONValue(parsing: try await server.send("GET", "/v1/agent/services"))
            let one = try #require(all["callee-127.0.0.1:\(callee.internalPort)"])
            #expect(one["Service"]?.string == "callee" && one["Address"]?.string == "127.0.0.1", "\(one)")
            #expect(one["Meta"]?["DAPR_PORT"]?.string == "\(callee.internalPort)" && one["Meta"]?["zone"]?.string == "a")
            #expect(one["Tags"]?.array?.compactMap(\.string) == ["dapr", "v\"1"])
            // Registered by somebody else, at a port of the app's own.
            let other = #"{"Name": "other", "ID": "o", "Port": 80, "Tags": ["dapr"], "Meta": {"DAPR_PORT": "\#(callee.internalPort)"}}"#
            try await server.send("PUT", "/v1/agent/service/register", other)
            let answer = try await Names.call(caller, "other")
            #expect(!answer.body.contains("no instance of it is known") && answer.body.contains("other"), "\(answer)")
            // One that the filter leaves out, and one that does not say where its runtime is.
            try await server.send("PUT", "/v1/agent/service/register", #"{"Name": "plain", "Meta": {"DAPR_PORT": "5"}}"#)
            try await Names.unknown(caller, "plain")
            try await server.send("PUT", "/v1/agent/service/register", #"{"Name": "portless", "Tags": ["dapr"]}"#)
            let portless = try await Names.call(caller, "portless")
            #expect(portless.status == 500 && portless.body.contains("DAPR_PORT"), "\(portless)")
            let seen = try await server.control()
            #expect(seen.contains { $0.contains("passing=1") && $0.contains("filter=%22dapr%22%20in%20Service.Tags") && $0.contains("cached") })
        }
        try await callee.stop()
        #expect(!(try await server.send("GET", "/v1/agent/services")).contains("callee-"))
    }

    @Test("a registration that is given whole is sent as it is, with what it lacks")
    func advanced() async throws {
        let server = try await APIServer.start("consul")
        let names = try await Names(
            "consul",
            settings(server, ["advancedRegistration: {port: 8080, tags: [x], weights: {passing: 3}, meta: {zone: b}}"]))
        let callee = try await names.callee()
        try await names.caller { caller in
            try await Names.known(caller)
            let all = try JSONValue(parsing: try await server.send("GET", "/v1/agent/services"))
            let one = try #require(all["callee-127.0.0.1:\(callee.internalPort)"])
            #expect(one["Port"] == .number("8080") && one["Service"]?.string == "callee", "\(one)")
            #expect(one["Meta"]?["zone"]?.string == "b" && one["Meta"]?["DAPR_PORT"]?.string != nil)
        }
        try await callee.stop()
    }

    @Test("namespaces keep apps of one name apart")
    func namespaces() async throws {
        let server = try await APIServer.start("consul")
        let names = try await Names("consul", settings(server))
        let blue = try await names.callee(environment: ["NAMESPACE": "blue"])
        try await names.caller { caller in
            try await Names.known(caller, "callee.blue")
            try await Names.unknown(caller)
            try await Names.unknown(caller, "callee.green")
        }
        try await names.caller(["NAMESPACE": "blue"]) { try await Names.known($0) }
        try await blue.stop()
    }

    @Test("an agent that was made anew gets the registrations again; while it is gone, what is known is called")
    func outage() async throws {
        let server = try await APIServer.start("consul")
        let names = try await Names("consul", settings(server))
        let callee = try await names.callee()
        try await names.caller { caller in
            try await Names.known(caller)
            try await server.control(#"{"broken": true}"#)
            #expect(try await Names.failures(caller, of: 10) == 0)
            let answer = try await Names.call(caller, "stranger")
            #expect(answer.status == 500 && answer.body.contains("No cluster leader"), "\(answer)")
            try await server.killed()
            #expect(try await Names.failures(caller, of: 10) == 0)
            let gone = try await Names.call(caller, "stranger")
            #expect(gone.status == 500 && gone.body.contains("Consul at http://127.0.0.1:\(server.port)"), "\(gone)")
            let again = try await APIServer.start("consul", again: server)
            try await eventually("the registration is made again", within: .seconds(40)) {
                try await again.send("GET", "/v1/agent/services").contains("callee-") ? () : nil
            }
            #expect(try await Names.failures(caller, of: 10) == 0)
            try await callee.stop()
            try await Names.unknown(caller)
            try await again.killed()
        }
    }

    @Test("tokens, TLS and mistakes")
    func access() async throws {
        let server = try await APIServer.start("consul")
        try await server.control(#"{"token": "good"}"#)
        let token = try Scratch()
        try token.write("good\n", to: "token")
        for (more, works) in [("token: good", true), ("tokenFile: \(token.file("token"))", true), ("token: bad", false)] {
            let names = try await Names("consul", ["client: {address: '127.0.0.1:\(server.port)', \(more)}", "selfRegister: \(works)"])
            try await names.caller { caller in
                if works { return try await Names.unknown(caller) }
                let answer = try await Names.call(caller)
                #expect(answer.status == 500 && answer.body.contains("Check the token of client"), "\(answer)")
                #expect(!answer.body.contains("bad"))
            }
        }
        let certificates = try await Certificates()
        let secure = try await APIServer.start("consul", certificates: certificates, asksClients: true)
        for (authority, works) in [(certificates.authority, true), (certificates.client, false)] {
            let names = try await Names(
                "consul",
                [
                    "client:", "  address: 127.0.0.1:\(secure.port)", "  scheme: https", "  tlsConfig:", "    caFile: \(authority)",
                    "    certFile: \(certificates.client)", "    keyFile: \(certificates.clientKey)",
                ])
            try await names.caller { caller in
                let answer = try await Names.call(caller)
                #expect(answer.body.contains("no instance of it is known") == works, "\(answer)")
            }
        }
        for (settings, word) in [
            (["client: {adress: x}"], "adress"), (["client: [1]"], "client is to be a mapping"), (["tags: x"], "tags is to be a list"),
            (["client: {scheme: ftp}"], "http or https"), (["queryOptions: {maxAge: often}"], "often"),
            (["client: {token: a, tokenFile: b}"], "leave one out"), (["client: {address: '127.0.0.1:1'}"], "Consul at http://127.0.0.1:1"),
        ] {
            let scratch = try Scratch()
            try await OctavoProcess.with(in: scratch, flags: try Names.flags("consul", settings, in: scratch), untilReady: false) { octavo in
                let answer = try await Names.call(octavo)
                #expect(answer.status == 500 && answer.body.contains(word), "\(answer)")
            }
        }
    }
}

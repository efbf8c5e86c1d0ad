import Foundation
import JSONText
import Testing

@Suite("PostgreSQL", .serialized)
struct PostgreSQLTests {
    private func with(
        _ component: String, flags: [String] = [], untilReady: Bool = true, _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(component, to: "resources/all.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, untilReady: untilReady, body)
    }

    private func check(_ kind: String, _ settings: [String]) async throws -> Subprocess.Result {
        try await Subprocess.run(
            Places.octavo, ["plugin", "check", Places.plugin("postgresql"), "--kind", kind] + settings.flatMap { ["--set", $0] },
            within: .seconds(180))
    }

    @Test("keeps to what a configuration store must do, in process and isolated")
    func configuration() async throws {
        let server = try await PostgreSQLServer.start()
        let checked = try await check("configuration", ["connectionString=\(server.connectionString)", "table=checked"])
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("isolated"), "\(checked.output)")
    }

    @Test("keeps to what a binding must do, in process and isolated")
    func bindingConformance() async throws {
        let server = try await PostgreSQLServer.start()
        let checked = try await check("binding", ["connectionString=\(server.connectionString)"])
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
    }

    @Test("carries out statements of the Dapr SDK", .enabled(if: Places.hasSDK, "tools/setup test installs it"), arguments: StoresTests.modes)
    func binding(flags: [String]) async throws {
        let server = try await PostgreSQLServer.start()
        try await with(Resource.component("db", "bindings.postgresql", [("connectionString", server.connectionString)]), flags: flags) { octavo in
            try await SDKTests.run("sql", ["db"], octavo)
        }
    }

    @Test("TLS: the whole name is verified, a certificate is a user, and a stranger's authority is refused")
    func secure() async throws {
        let made = try await Certificates()
        let server = try await PostgreSQLServer.start(made)
        func store(_ connection: String) -> String {
            Resource.component(
                "s", "state.postgresql", [("connectionString", "host=localhost hostaddr=127.0.0.1 port=\(server.port) dbname=postgres " + connection)],
                version: "v2")
        }
        let verified = "sslmode=verify-full sslrootcert=\(made.authority)"
        // The server's user may make tables for the other one.
        let admin = "user=octavo " + verified
        try await with(store(admin)) { octavo in
            try await save(octavo)
            try await server.sql("CREATE USER client; GRANT ALL ON ALL TABLES IN SCHEMA public TO client")
        }
        let client = "user=client sslcert=\(made.client) sslkey=\(made.clientKey) "
        try await with(store(client + verified)) { octavo in try await save(octavo) }

        let strange = "user=octavo sslmode=verify-full sslrootcert=\(made.stranger)"
        for (connection, cause) in [
            (strange, "certificate verify failed"), ("user=octavo sslmode=disable", "no pg_hba.conf entry"),
            ("user=client " + verified, "certificate"),
            ("host=elsewhere user=octavo " + verified, "does not match host name"),
        ] {
            try await with(store(connection), untilReady: false) { octavo in
                try await eventually("\(cause) is said: \(octavo.process.errors)", within: .seconds(30)) {
                    octavo.process.errors.contains(cause) ? () : nil
                }
            }
        }
    }

    private func save(_ octavo: OctavoProcess) async throws {
        let saved = try await Curl(
            method: "POST", path: "/v1.0/state/s", headers: ["content-type: application/json"], body: #"[{"key":"k","value":1}]"#
        ).send(to: octavo.base)
        #expect(saved.status == 204, "\(saved.status) \(saved.body)")
    }
}

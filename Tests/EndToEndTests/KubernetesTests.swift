import Foundation
import JSONText
import Testing

@Suite("Secrets of Kubernetes", .serialized)
struct KubernetesTests {
    private func read(_ octavo: OctavoProcess, _ name: String, _ query: String = "", store: String = "cluster") async throws -> Curl.Answer {
        try await Curl(path: "/v1.0/secrets/\(store)/\(name)\(query)").send(to: octavo.base, seconds: 20)
    }

    /// A kubeconfig with the token in a file beside it, as `kubectl config view` would print it.
    static func configuration(_ server: APIServer, _ scratch: Scratch, _ certificates: Certificates? = nil, token: String = "root") throws -> String {
        try scratch.write(token + "\n", to: "kube/token")
        if let certificates { try scratch.write(certificates.folder.read("authority.pem"), to: "kube/ca.crt") }
        return try scratch.write(
            """
            apiVersion: v1
            kind: Config
            current-context: here   # the one that counts
            clusters:
            - name: elsewhere
              cluster: {server: "https://192.0.2.1:6443"}
            - cluster:
                server: \(server.base)
                \(certificates == nil ? "insecure-skip-tls-verify: true" : "certificate-authority: ca.crt")
              name: "this"
            users:
            - name: me
              user:
                tokenFile: token
            contexts:
            - name: there
              context: {cluster: elsewhere, user: me}
            - name: here
              context:
                cluster: this
                namespace: default
                user: me
            preferences: {}
            """, to: "kube/config")
    }

    static func store(_ configuration: String, _ metadata: [(String, String)] = [], name: String = "cluster") -> String {
        Resource.component(name, "secretstores.kubernetes", [("kubeconfigPath", configuration)] + metadata)
    }

    @Test(
        "Secrets come single and all, by namespaces and scopes", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
        arguments: StoresTests.modes)
    func reads(modes: [String]) async throws {
        let certificates = try await Certificates(), scratch = try Scratch()
        let server = try await APIServer.start("kubernetes", certificates: certificates)
        try await server.kubernetes("db", ["user": "u", "password": "pä", "empty": ""])
        try await server.kubernetes("a.b-c", ["tls.key": "k\\nl"])
        try await server.kubernetes("other", ["x": "y"], namespace: "production")
        let configuration = try Self.configuration(server, scratch, certificates)
        let resources = try scratch.write(
            Self.store(configuration) + "---\n" + Self.store(configuration, [("defaultNamespace", "production")], name: "production"),
            to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", resources] + modes) { octavo in
            try await SecretStoreTests.run(
                ["cluster", #"{"db": {"user": "u", "password": "pä", "empty": ""}, "a.b-c": {"tls.key": "k\nl"}}"#], octavo)
            try await SecretStoreTests.run(["production", #"{"other": {"x": "y"}}"#], octavo)
            #expect(try await read(octavo, "other", "?metadata.namespace=production").json?["x"]?.string == "y")
            #expect(try await read(octavo, "bulk", "?metadata.namespace=nobody").body == "{}")
            #expect(try await read(octavo, "db", "?metadata.namespace=..%2Fx").status == 400)
            for name in ["..%2Fpods", "UPPER", "-a", "a%2Fb", "a%3Fb"] {
                let answer = try await read(octavo, name)
                #expect(answer.status == 500 && answer.body.contains("No secret of Kubernetes can have this name"), "\(answer)")
            }
            // What is no text can't be handed over; the rest is.
            try await server.send(
                "PUT", "/api/v1/namespaces/default/secrets/binary", #"{"data": {"store.p12": "AP+A", "name": "bg=="}}"#,
                headers: ["Authorization: Bearer root"])
            #expect(try await read(octavo, "binary").body == #"{"name":"n"}"#)
            try await eventually("the warning") { octavo.process.errors.contains("store.p12 of the secret binary is no text") ? () : nil }
        }
        for name in ["db", "a.b-c", "binary"] {
            try await server.send("DELETE", "/api/v1/namespaces/default/secrets/\(name)", headers: ["Authorization: Bearer root"])
        }
        try await server.kubernetes("a", ["a": "1"])
        try await server.kubernetes("b", ["b": "2"])
        try await SecretStoreTests.scopes("cluster", resources, scratch, modes)
    }

    @Test("Many secrets come in pages, also when the cluster forgets where one began")
    func pages() async throws {
        let server = try await APIServer.start("kubernetes"), scratch = try Scratch()
        try await server.control(#"{"many": 1203}"#)
        let resources = try scratch.write(Self.store(try Self.configuration(server, scratch)), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", resources]) { octavo in
            let all = try #require(try await read(octavo, "bulk").json)
            #expect(all["many-0"]?["n"]?.string == "0" && all["many-1202"]?["n"]?.string == "1202")
            #expect(try await server.control().filter { $0.contains("continue=") }.count == 2)
            try await server.control(#"{"expire": 1}"#)
            #expect(try await read(octavo, "bulk").json?["many-1202"]?["n"]?.string == "1202")
        }
    }

    @Test("In a pod the service account says where the cluster is; its token is read again")
    func pod() async throws {
        let certificates = try await Certificates(), scratch = try Scratch()
        let server = try await APIServer.start("kubernetes", certificates: certificates)
        try await server.kubernetes("db", ["password": "p"], namespace: "mine")
        try scratch.write("root", to: "account/token")
        try scratch.write("mine", to: "account/namespace")
        try scratch.write(certificates.folder.read("authority.pem"), to: "account/ca.crt")
        let component = Resource.component("cluster", "secretstores.kubernetes", [("serviceAccountPath", scratch.file("account"))])
        let flags = ["--resources-path", try scratch.write(component, to: "resources/all.yaml")]
        let environment = ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"]
        try await OctavoProcess.with(in: scratch, flags: flags, environment: environment) { octavo in
            #expect(try await read(octavo, "db").json?["password"]?.string == "p")
            try await server.control(#"{"tokens": ["next"]}"#)
            let refused = try await read(octavo, "db")
            #expect(refused.status == 500 && refused.body.contains("does not know the token"), "\(refused)")
            try scratch.write("next", to: "account/token")
            #expect(try await read(octavo, "db").status == 200)
        }
    }

    @Test("A kubeconfig may hold certificates itself, and the name that the server bears")
    func embedded() async throws {
        let certificates = try await Certificates(), scratch = try Scratch()
        let server = try await APIServer.start("kubernetes", certificates: certificates, asksClients: true)
        try await server.kubernetes("db", ["password": "p"], namespace: "mine")
        func data(_ name: String) -> String { Data(certificates.folder.read(name).utf8).base64EncodedString() }
        func text(_ user: String, name: String) -> String {
            """
            {"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "mine"}}],
             "clusters": [{"name": "k", "cluster": {"server": "\(server.base)/", "certificate-authority-data": "\(data("authority.pem"))",
               "tls-server-name": "\(name)"}}],
             "users": [{"name": "u", "user": {"token": "root"\(user)}}]}
            """
        }
        let user = #", "client-certificate-data": "\#(data("client.pem"))", "client-key-data": "\#(data("client.key"))""#
        let stores = try [("good", text(user, name: "localhost")), ("bare", text("", name: "localhost")), ("misnamed", text(user, name: "k.example"))]
            .map { Self.store(try scratch.write($0.1, to: "\($0.0).json"), name: $0.0) }
        let flags = ["--resources-path", try scratch.write(stores.joined(separator: "---\n"), to: "resources/all.yaml")]
        try await OctavoProcess.with(in: scratch, flags: flags, untilReady: false) { octavo in
            try await eventually("the good one\n\(octavo.process.errors)") {
                try await read(octavo, "db", store: "good").json?["password"]?.string == "p" ? () : nil
            }
            for name in ["bare", "misnamed"] {
                try await eventually("the refusal of \(name)") {
                    let answer = try await read(octavo, "db", store: name)
                    return answer.status == 503 && answer.body.contains("127.0.0.1:\(server.port)") ? () : nil
                }
            }
        }
    }

    @Test("What the cluster refuses is said", arguments: StoresTests.modes)
    func refusals(modes: [String]) async throws {
        var server = try await APIServer.start("kubernetes")
        let scratch = try Scratch()
        try await server.kubernetes("db", ["password": "p"])
        let resources = try scratch.write(Self.store(try Self.configuration(server, scratch)), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", resources] + modes) { octavo in
            let missing = try await read(octavo, "nothing")
            #expect(missing.status == 500 && missing.body.contains("not found"), "\(missing)")
            for name in ["db", "bulk"] {
                let forbidden = try await read(octavo, name, "?metadata.namespace=forbidden")
                #expect(forbidden.status == 403 && forbidden.body.contains("is forbidden: User"), "\(forbidden)")
            }
            try await server.control(#"{"throttle": 2, "retry_after": 1}"#)
            #expect(try await read(octavo, "db").status == 200)
            try await server.control(#"{"throttle": 9, "retry_after": 60}"#)
            #expect(try await read(octavo, "db").status == 429)
            try await server.killed()
            let gone = try await read(octavo, "db")
            #expect(gone.status == 503 && gone.body.contains("127.0.0.1:\(server.port)"), "\(gone)")
            server = try await APIServer.start("kubernetes", again: server)
            try await server.kubernetes("db", ["password": "q"])
            try await eventually("the recovery") { try await read(octavo, "db").json?["password"]?.string == "q" ? () : nil }
        }
    }

    @Test(
        "A kubeconfig that can't be used is refused with the cause",
        arguments: [
            ("current-context: [", "is no good YAML"), ("current-context: gone\n", "no context gone"), ("a: 1\n", "no current-context"),
            ("a: &x 1\nb: *x\n", "alias"), ("a: 1\n---\nb: 2\n", "several documents"), ("", "is empty"),
            (
                "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n"
                    + "users: [{name: u, user: {exec: {command: aws}}}]\n", "gets its token from a program"
            ),
            (
                "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                    + "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1', certificate-authority-data: '%'}}]\n", "is not base64"
            ),
        ])
    func misuse(text: String, cause: String) async throws {
        let scratch = try Scratch()
        let resources = try scratch.write(Self.store(try scratch.write(text, to: "config")), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", resources], untilReady: false) { octavo in
            try await eventually("\(cause) in \(octavo.process.errors)") { octavo.process.errors.contains(cause) ? () : nil }
        }
    }
}

import Foundation
import JSONText

/// A server of `python/servers`, on a port of its own.
final class APIServer: Sendable {
    let port: Int
    let base: String
    private let process: Subprocess
    private let client: Certificates?

    /// `certificates`: it speaks TLS by the server's certificate there; with `asksClients` it wants one of its clients, too. `again`: on the port of one that has ended.
    static func start(_ name: String, certificates: Certificates? = nil, asksClients: Bool = false, again: APIServer? = nil) async throws -> APIServer {
        let scratch = try Scratch()
        var arguments = [Places.scripts + "/servers/\(name).py", scratch.file("port"), "\(again?.port ?? 0)"]
        if let certificates { arguments += [certificates.server, certificates.serverKey] + (asksClients ? [certificates.authority] : []) }
        let process = try Subprocess("python3", arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"], keeping: scratch)
        let port = try await eventually("the server \(name): \(process.errors)", within: .seconds(30)) {
            if process.code != nil { throw Trouble("\(name).py ended: \(process.errors)") }
            return Int(scratch.read("port"))
        }
        return APIServer(port: port, base: "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)", process, asksClients ? certificates : nil)
    }

    private init(port: Int, base: String, _ process: Subprocess, _ client: Certificates?) {
        self.client = client
        self.port = port
        self.base = base
        self.process = process
    }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }

    /// A request as an operator sends it; its answer must have a status below 300.
    @discardableResult
    func send(_ method: String, _ path: String, _ body: String = "", headers: [String] = []) async throws -> String {
        var arguments = ["-sS", "-k", "-m", "10", "-X", method, "--fail-with-body"]
        if let client { arguments += ["--cert", client.client, "--key", client.clientKey] }
        for header in headers { arguments += ["-H", header] }
        if !body.isEmpty { arguments += ["--data-binary", "@-"] }
        let answer = try await Subprocess.run("curl", arguments + [base + path], input: body.isEmpty ? nil : body)
        guard answer.code == 0 else { throw Trouble("\(method) \(path): \(answer.output)\(answer.errors)") }
        return answer.output
    }

    /// Sets what the server's /control knows; "METHOD PATH" of all requests so far.
    @discardableResult
    func control(_ settings: String = "{}") async throws -> [String] {
        let answer = try JSONValue(parsing: try await send("POST", "/control", settings))
        return (answer["seen"]?.array ?? []).compactMap(\.string)
    }

    // MARK: Vault

    /// Writes a secret as the token `root` does: `data` is the body of the request.
    func vault(_ method: String = "POST", _ path: String, _ body: String = "") async throws {
        try await send(method, "/v1/" + path, body, headers: ["X-Vault-Token: root"])
    }

    // MARK: Kubernetes

    /// Writes a secret of a namespace.
    func kubernetes(_ name: String, _ values: [String: String], namespace: String = "default") async throws {
        let data = values.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ",")
        try await send(
            "PUT", "/api/v1/namespaces/\(namespace)/secrets/\(name)", "{\"stringData\": {\(data)}}", headers: ["Authorization: Bearer root"])
    }
}

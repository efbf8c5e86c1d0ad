import Foundation
import JSONText

/// Envoy as another runtime: takes calls by mutual TLS for an app over HTTP, and passes plain requests on to a runtime by mutual TLS.
struct EnvoyServer {
    let process: Subprocess
    /// Where it takes calls of other runtimes.
    let secure: Int
    /// Where it takes plain requests for a runtime.
    let plain: Int

    /// What `tools/setup test` installs.
    static let program: String? = {
        let lib = Places.package + "/.build-python/lib"
        return (try? FileManager.default.contentsOfDirectory(atPath: lib))?.map { "\(lib)/\($0)/site-packages/envoy/_bin/envoy" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// `folder`: of its certificate. `app`: the port of its own app. `caller`: the URI of callers that it takes. `callee`: the port of a
    /// runtime, and the URI that its certificate must be for.
    static func start(folder: String, app: Int, caller: String, callee: (port: Int, uri: String)) async throws -> EnvoyServer {
        let scratch = try Scratch()
        func tls(_ side: String, _ uri: String, _ more: String) -> String {
            """
            {"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.\(side)TlsContext", \(more)
              "common_tls_context": {"alpn_protocols": ["h2"],
                "tls_certificates": [{"certificate_chain": {"filename": "\(folder)/cert.pem"}, "private_key": {"filename": "\(folder)/key.pem"}}],
                "validation_context": {"trusted_ca": {"filename": "\(folder)/ca.pem"},
                  "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": "\(uri)"}}]}}}}
            """
        }
        func listener(_ name: String, _ cluster: String, _ headers: String, _ socket: String) -> String {
            """
            {"name": "\(name)", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}, "filter_chains": [{\(socket)
              "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "\(name)", "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], \(headers)
                  "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "\(cluster)"}}]}]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
                  "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}
            """
        }
        func cluster(_ name: String, _ port: Int, _ more: String) -> String {
            """
            {"name": "\(name)", \(more) "type": "STATIC", "load_assignment": {"cluster_name": "\(name)", "endpoints": [{"lb_endpoints": [
              {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": \(port)}}}}]}]}}
            """
        }
        let http2 = """
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              "explicit_http_config": {"http2_protocol_options": {}}}},
            """
        let callers = tls("Downstream", caller, #""require_client_certificate": true,"#)
        let callees = tls("Upstream", callee.uri, "")
        try scratch.write(
            """
            {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}, "static_resources": {
              "listeners": [\(listener("secure", "app", "", #""transport_socket": \#(callers),"#)),
                \(listener("plain", "runtime", #""request_headers_to_add": [{"header": {"key": "dapr-callee-app-id", "value": "callee"}}],"#, ""))],
              "clusters": [\(cluster("app", app, "")), \(cluster("runtime", callee.port, #"\#(http2) "transport_socket": \#(callees),"#))]}}
            """, to: "envoy.json")
        let process = try Subprocess(
            program!,
            ["--config-path", scratch.file("envoy.json"), "--concurrency", "1", "--disable-hot-restart", "--admin-address-path", scratch.file("admin"), "-l", "warning"],
            keeping: scratch)
        let ports = try await eventually("Envoy listens: \(process.errors.suffix(2000))", within: .seconds(30)) { () async throws -> [String: Int]? in
            if let code = process.code { throw Trouble("Envoy ended with \(code): \(process.errors.suffix(3000))") }
            let admin = scratch.read("admin")
            guard !admin.isEmpty else { return nil }
            let answer = try await Subprocess.run("curl", ["-s", "http://\(admin)/listeners?format=json"])
            let found = (try? JSONValue(parsing: answer.output))?["listener_statuses"]?.array ?? []
            let ports = found.compactMap { one -> (String, Int)? in
                guard let name = one["name"]?.string, let port = one["local_address"]?["socket_address"]?["port_value"]?.integer else { return nil }
                return (name, Int(port))
            }
            return ports.count == 2 ? Dictionary(uniqueKeysWithValues: ports) : nil
        }
        return EnvoyServer(process: process, secure: ports["secure"] ?? 0, plain: ports["plain"] ?? 0)
    }
}

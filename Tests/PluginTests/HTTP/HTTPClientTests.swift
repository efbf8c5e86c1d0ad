import COctavo
import Glibc
import PluginCheck
import Testing

/// `PluginHTTP`, by a plugin whose secrets are requests.
@Suite("The HTTP client of plugins", .serialized) struct HTTPClientTests {
    static let probe = Result { () throws -> Plugin in
        // Beside the shipped ones.
        let shipped = try Plugin("memory").path
        return try Plugin(path: shipped[..<shipped.lastIndex(of: "/")!] + "/libhttp-probe.so")
    }

    private func client(_ settings: [Setting] = []) throws -> Instance {
        let instance = try Instance(HTTPClientTests.probe.get(), "secretstores.http-probe", settings)
        try instance.start()
        return instance
    }

    private func ask(_ instance: Instance, _ request: String) throws -> [String: String] {
        let arena = Arena()
        var get = octavo_secret_get_request()
        get.head.size = UInt32(MemoryLayout<octavo_secret_get_request>.size)
        get.name = arena.str(request)
        nonisolated(unsafe) var pairs: [String: String] = [:]
        try instance.call(OCTAVO_SECRET_OP_GET, get, arena) { reply in
            for pair in elements(reply.assumingMemoryBound(to: octavo_secret_get_reply.self).pointee.pairs, of: octavo_pair.self) {
                pairs[text(pair.name) ?? ""] = text(pair.value)
            }
        }
        return pairs
    }

    private func failure(_ instance: Instance, _ request: String) -> PluginFailure? {
        do {
            Issue.record("\(request) was answered: \(try ask(instance, request))")
            return nil
        } catch { return error as? PluginFailure }
    }

    @Test("methods, headers and bodies arrive as they were given, and so do answers")
    func exchange() throws {
        let server = try WebServer(), client = try client()
        let base = "http://127.0.0.1:\(server.port)"
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let answer = try ask(client, "\(method) \(base)/echo?status=207 header=v")
            #expect(answer["status"] == "207" && answer["head.x-answer"] == "a b")
            #expect(answer["body"]?.hasPrefix("\(method)  ") == true && answer["body"]?.contains("x-probe=v") == true, "\(answer)")
            #expect(answer["body"]?.contains("content-type") == false && answer["body"]?.contains("expect") == false)
        }
        #expect(try ask(client, "HEAD \(base)/size?n=10")["body"] == "")
        #expect(try ask(client, "POST \(base)/echo body=abc")["body"]?.hasPrefix("POST abc ") == true)
        #expect(try ask(client, "GET \(base)/nothing")["status"] == "404")
        #expect(failure(client, "GET ftp://127.0.0.1/")?.code == OCTAVO_CODE_INVALID_ARGUMENT)
        try client.end()
    }

    @Test("a connection is kept, and one that the server has closed meanwhile is replaced")
    func reuse() throws {
        let server = try WebServer(), client = try client()
        let base = "http://127.0.0.1:\(server.port)"
        let first = try ask(client, "GET \(base)/port")["body"]
        #expect(try ask(client, "POST \(base)/port body=x")["body"] == first)
        try client.end()
    }

    @Test("what is not repeatable is not sent twice by itself")
    func notTwice() throws {
        let server = try WebServer(), client = try client()
        let base = "http://127.0.0.1:\(server.port)"
        // On a connection that has been good for an answer, the next is closed without one.
        _ = try ask(client, "GET \(base)/port")
        let lost = try #require(failure(client, "POST \(base)/drop body=x"))
        #expect(lost.code == OCTAVO_CODE_UNAVAILABLE && lost.flags & OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT != 0, "\(lost)")
        #expect(lost.message.contains("127.0.0.1:\(server.port)"), "\(lost)")
        #expect(try ask(client, "GET \(base)/seen?of=/drop")["body"] == "1")
        // One that says that it may be repeated is.
        _ = failure(client, "POST \(base)/drop?again body=x repeatable=1")
        #expect(try ask(client, "GET \(base)/seen?of=/drop%3Fagain")["body"] == "2")
        try client.end()
    }

    @Test("a body is taken up to the limit that was given")
    func limit() throws {
        let server = try WebServer(), client = try client()
        let base = "http://127.0.0.1:\(server.port)"
        #expect(try ask(client, "GET \(base)/size?n=50000 most=50000")["body"]?.utf8.count == 50_000)
        #expect(failure(client, "GET \(base)/size?n=50001 most=50000")?.code == OCTAVO_CODE_RESOURCE_EXHAUSTED)
        try client.end()
    }

    @Test("limits of time: of the whole, of silence, of connecting; each failure names host and cause")
    func time() throws {
        let server = try WebServer(), client = try client([.number("connectTimeout", 300)])
        let base = "http://127.0.0.1:\(server.port)"
        let whole = try #require(failure(client, "GET \(base)/slow?s=30 timeout=200"))
        #expect(whole.code == OCTAVO_CODE_DEADLINE_EXCEEDED && whole.message.contains("127.0.0.1:\(server.port)"), "\(whole)")
        let silent = try #require(failure(client, "GET \(base)/stream?s=30 timeout=0 silence=1000 chunks=2"))
        #expect(silent.code == OCTAVO_CODE_DEADLINE_EXCEEDED, "\(silent)")
        let gone = try WebServer()
        gone.kill()
        let refused = try #require(failure(client, "GET http://127.0.0.1:\(gone.port)/"))
        #expect(refused.code == OCTAVO_CODE_UNAVAILABLE && refused.flags & OCTAVO_ERROR_OUTAGE != 0)
        #expect(refused.message.contains("127.0.0.1:\(gone.port)") && refused.message.contains("onnect"), "\(refused)")
        let unknown = try #require(failure(client, "GET http://no.such.host.invalid:80/"))
        #expect(unknown.code == OCTAVO_CODE_UNAVAILABLE && unknown.message.contains("no.such.host.invalid"), "\(unknown)")
        try client.end()
    }

    @Test("a stream tells each piece as it comes, ends with the server's end, and is cancelled at the server, too")
    func stream() throws {
        let server = try WebServer(), client = try client()
        let base = "http://127.0.0.1:\(server.port)"
        let some = try ask(client, "GET \(base)/stream?s=0.05 timeout=0 chunks=3")
        #expect(some["body"] == "0;1;2;" && some["chunks"] == "3" && some["status"] == "200")
        #expect(try eventually { try ask(client, "GET \(base)/seen?of=gone")["body"] == "1" })
        #expect(try ask(client, "GET \(base)/stream?n=5 timeout=0 chunks=0")["body"] == "0;1;2;3;4;")
        try client.end()
    }

    @Test("stopping ends what is under way; then nothing is left behind")
    func stop() throws {
        let server = try WebServer(), client = try client()
        let request = "GET http://127.0.0.1:\(server.port)/slow?s=60 timeout=0"
        nonisolated(unsafe) var failures: [PluginFailure?] = [nil, nil]
        nonisolated(unsafe) let instance = client
        var threads = [pthread_t](repeating: pthread_t(), count: 1)
        final class Box { let body: () -> Void; init(_ body: @escaping () -> Void) { self.body = body } }
        let box = Box { failures[0] = self.failure(instance, request) }
        pthread_create(&threads[0], nil, { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeUnretainedValue().body()
            return nil
        }, Unmanaged.passUnretained(box).toOpaque())
        #expect(try eventually { try ask(client, "GET http://127.0.0.1:\(server.port)/seen?of=/slow%3Fs%3D60")["body"] == "1" })
        let left = try client.end()
        pthread_join(threads[0], nil)
        #expect(failures[0]?.code == OCTAVO_CODE_UNAVAILABLE, "\(String(describing: failures[0]))")
        #expect(left.watches == 0 && left.timers == 0, "\(left)")
    }

    @Test("redirects are an answer, or are followed as often as was said, with the body")
    func redirects() throws {
        let server = try WebServer()
        let base = "http://127.0.0.1:\(server.port)"
        let plain = try client()
        #expect(try ask(plain, "GET \(base)/redirect?to=/port")["status"] == "307")
        try plain.end()
        let following = try client([.number("redirects", 2)])
        #expect(try ask(following, "POST \(base)/redirect?to=/echo body=abc")["body"]?.hasPrefix("POST abc ") == true)
        #expect(failure(following, "GET \(base)/redirect?to=/redirect?to=/redirect?to=/redirect?to=/port") != nil)
        try following.end()
    }

    @Test("more requests than are allowed are refused at once")
    func bounded() throws {
        let server = try WebServer(), client = try client([.number("requests", 1)])
        let base = "http://127.0.0.1:\(server.port)"
        _ = failure(client, "GET \(base)/slow?s=30 timeout=100")
        #expect(try ask(client, "GET \(base)/port")["status"] == "200")
        try client.end()
    }

    @Test("the environment's proxy is not used, one that is given is")
    func proxy() throws {
        let server = try WebServer()
        setenv("http_proxy", "http://127.0.0.1:1", 1)
        defer { unsetenv("http_proxy") }
        let plain = try client()
        #expect(try ask(plain, "GET http://127.0.0.1:\(server.port)/port")["status"] == "200")
        try plain.end()
        // The server takes the whole URL for a path that it does not have.
        let proxied = try client([.text("proxy", "http://127.0.0.1:\(server.port)")])
        #expect(try ask(proxied, "GET http://no.such.host.invalid/x")["status"] == "404")
        try proxied.end()
    }

    @Test("TLS: the authority as text or file, certificates of clients, and what is refused")
    func tls() throws {
        let folder = TemporaryFolder()
        for name in ["", "other-"] {
            let made = shell(
                "cd '\(folder.path)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                    + "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout \(name)key.pem -out \(name)cert.pem")
            try #require(made.code == 0, "\(made.text)")
        }
        let server = try WebServer(in: folder, tls: true, asksClients: true)
        let request = "GET https://localhost:\(server.port)/port"
        let authority = Setting.text("ca", "\(folder.path)/cert.pem")
        let pair = [Setting.text("cert", "\(folder.path)/cert.pem"), .text("key", "\(folder.path)/key.pem")]
        let texts = ["ca": "cert.pem", "cert": "cert.pem", "key": "key.pem"].map {
            Setting.text($0.key, shell("cat '\(folder.path)/\($0.value)'").text)
        }
        for settings in [[authority] + pair, texts, [.flag("insecure")] + pair] {
            let client = try client(settings)
            #expect(try ask(client, request)["status"] == "200")
            try client.end()
        }
        // The system's authorities don't know it; another authority does not; without a certificate the server refuses.
        for settings in [pair, [.text("ca", "\(folder.path)/other-cert.pem")] + pair, [authority]] {
            let client = try client(settings)
            let refused = try #require(failure(client, request))
            #expect(refused.code == OCTAVO_CODE_UNAVAILABLE && refused.message.contains("localhost:\(server.port)"), "\(refused)")
            try client.end()
        }
        #expect(throws: PluginFailure.self) { try client([.text("ca", "/no/such/file")]) }
        #expect(throws: PluginFailure.self) { try client([pair[0]]) }
    }
}

import Testing
@testable import AdminAPI

@Suite struct AdminRouteTests {
    @Test("a request line names a route", arguments: [
        ("GET", "/v1/status", .status), ("GET", "/v1/plugins", .plugins), ("GET", "/v1/plugins/", .plugins),
        ("GET", "/v1/plugins/a%2Fb", .plugin("a/b")), ("POST", "/v1/plugins/load", .loadPlugin),
        ("GET", "/v1/plugins/load", .plugin("load")), ("POST", "/v1/plugins/load/reload", .reloadPlugin("load")),
        ("POST", "/v1/plugins/redis/unload", .unloadPlugin("redis")), ("GET", "/v1/components", .components),
        ("GET", "/v1/components/my%20store", .component("my store")), ("GET", "/v1/doctor", .doctor),
        ("GET", "/v1/traces", .traces), ("GET", "/v1/logs", .logs(after: 0)), ("GET", "/v1/logs?after=7", .logs(after: 7)), ("GET", "/v1/load", .load),
        ("GET", "/v1/state/s/a%7C%7Cb", .getState(store: "s", key: "a||b")),
        ("PUT", "/v1/state/s/k?etag=%22x%22&ttlSeconds=60",
            .setState(store: "s", key: "k", etag: "\"x\"", ttlSeconds: 60)),
        ("PUT", "/v1/state/s/k", .setState(store: "s", key: "k", etag: nil, ttlSeconds: nil)),
        ("DELETE", "/v1/state/s/k?etag=", .deleteState(store: "s", key: "k", etag: "")),
    ] as [(String, String, AdminRoute)])
    func route(method: String, target: String, route: AdminRoute) throws {
        #expect(try AdminRoute(method: method, target: target) == route)
    }

    @Test("what is no route is refused", arguments: [
        ("GET", "/", AdminError.Code.notFound), ("GET", "/v2/status", .notFound), ("POST", "/v1/status", .notFound),
        ("GET", "/v1/status/x", .notFound), ("GET", "/v1/state/s", .notFound), ("GET", "/v1/state/s/k/more", .notFound),
        ("DELETE", "/v1/plugins/x", .notFound), ("", "", .notFound), ("GET", "/v1/plugins/%zz", .invalid),
        ("GET", "/v1/plugins/%ff", .invalid), ("GET", "/v1/logs?after=-1", .invalid), ("GET", "/v1/logs?after=x", .invalid), ("PUT", "/v1/state/s/k?ttlSeconds=0", .invalid),
        ("PUT", "/v1/state/s/k?ttlSeconds=soon", .invalid), ("PUT", "/v1/state/s/k?etag=%2", .invalid),
    ])
    func refused(method: String, target: String, code: AdminError.Code) {
        let error = #expect(throws: AdminError.self) { try AdminRoute(method: method, target: target) }
        #expect(error?.code == code)
    }

    @Test("a body that can't be read is refused before the backend hears of it", arguments: [
        (AdminRoute.loadPlugin, "{"), (.loadPlugin, "{}"), (.loadPlugin, #"{"file":"relative.so"}"#),
        (.loadPlugin, #"{"file":"/a\u0000b"}"#), (.reloadPlugin("memory"), #"{"file":7}"#),
        (.unloadPlugin("memory"), #"{"force":"yes"}"#),
    ])
    func badBody(route: AdminRoute, body: String) async throws {
        let backend = MemoryBackend()
        let answer = await route.answer(from: backend, body: Array(body.utf8))
        #expect(answer.status == 400)
        #expect(try AdminJSON.decoded(AdminError.self, from: answer.body).code == .invalid)
        #expect(await backend.plugins().map(\.generation) == [1])
    }
}

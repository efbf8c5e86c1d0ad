import Foundation
import Testing

@Suite("nameresolution.etcd", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct EtcdNamesTests {
    private func settings(_ server: EtcdServer, _ more: [String] = []) -> [String] {
        // Of the two endpoints the first is never there.
        ["endpoints: '127.0.0.1:1,127.0.0.1:\(server.port)'", "leaseTTL: 2s", "keyPrefixPath: octavo"] + more
    }

    private func keys(_ server: EtcdServer) async throws -> [String] {
        try await server.control("get", "octavo/names//callee/", "--prefix").split(separator: "\n").map(String.init)
    }

    @Test("runtimes register, are called while they are there, and not when they have gone", .timeLimit(.minutes(3)))
    func comeAndGo() async throws {
        let server = try await EtcdServer.start()
        try await Names("etcd", settings(server)).comeAndGo()
        try await server.killed()
    }

    @Test("a key lives as long as its lease: it goes with who is killed, at once with who stops, and stays otherwise", arguments: StoresTests.modes)
    func lease(modes: [String]) async throws {
        let server = try await EtcdServer.start()
        let names = try await Names("etcd", settings(server), modes: modes)
        let callee = try await names.callee()
        try await eventually("the key is there") { try await keys(server).isEmpty ? nil : () }
        let found = try await keys(server)
        #expect(found == ["octavo/names//callee/callee-127.0.0.1%3A\(callee.internalPort)", "127.0.0.1:\(callee.internalPort)"])
        // Over three times the lease it is never away.
        let end = ContinuousClock.now + .seconds(7)
        while ContinuousClock.now < end {
            #expect(try await keys(server) == found)
            try await Task.sleep(for: .milliseconds(100))
        }
        try await callee.killed()
        try await eventually("the key of the killed one goes with its lease") { try await keys(server).isEmpty ? () : nil }
        let other = try await names.callee()
        try await eventually("the other one's key is there") { try await keys(server).count == 2 ? () : nil }
        try await other.stop()
        #expect(try await keys(server) == [])
        try await server.killed()
    }

    @Test("after etcd was away for longer than the lease, or has lost all, what is advertised comes back")
    func restart() async throws {
        var server = try await EtcdServer.start()
        let names = try await Names("etcd", settings(server))
        let callee = try await names.callee()
        try await names.caller { caller in
            try await Names.known(caller)
            try await server.killed()
            #expect(try await Names.failures(caller, of: 10) == 0)
            let answer = try await Names.call(caller, "stranger")
            #expect(answer.status == 500 && answer.body.contains("127.0.0.1:\(server.port)"), "\(answer)")
            // Longer than the lease. Nothing is to be seen of that from outside.
            try await Task.sleep(for: .seconds(3))
            #expect(try await Names.failures(caller, of: 10) == 0)
            server = try await EtcdServer.start(again: server)
            try await eventually("the key is there again", within: .seconds(30)) { try await keys(server).count == 2 ? () : nil }
            // Another cluster at the same place, which knows nothing.
            try await server.killed()
            let fresh = try await EtcdServer.start(on: server.port)
            try await eventually("the key is in the new cluster", within: .seconds(30)) { try await keys(fresh).count == 2 ? () : nil }
            try await Names.known(caller)
            #expect(try await Names.failures(caller, of: 10) == 0)
            try await callee.stop()
            try await Names.unknown(caller)
            try await fresh.killed()
        }
    }

    @Test("namespaces keep apps of one name apart; what is no address is passed over")
    func namespaces() async throws {
        let server = try await EtcdServer.start()
        let names = try await Names("etcd", settings(server))
        let blue = try await names.callee(environment: ["NAMESPACE": "blue"])
        try await server.control("put", "octavo/names/blue/callee/odd", "nonsense")
        try await server.control("put", "octavo/names/blue/callees/other", "127.0.0.1:5")
        try await names.caller { caller in
            try await Names.known(caller, "callee.blue")
            #expect(try await Names.failures(caller, of: 10, "callee.blue") == 0)
            try await Names.unknown(caller)
        }
        try await blue.stop()
        try await server.killed()
    }
}

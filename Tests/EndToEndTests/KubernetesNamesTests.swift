import Foundation
import Testing

@Suite("nameresolution.kubernetes", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct KubernetesNamesTests {
    /// An app, for callees on 127.0.0.1: where they are nobody is told by them.
    private func seed() async throws -> Names { try await Names("structured", ["structuredType: json", "stringValue: {appInstances: {}}"]) }

    private let here = #"{"a": ["127.0.0.1"]}"#

    @Test("the service of an app is found by the cluster's DNS, in the caller's namespace and in others", arguments: StoresTests.modes)
    func services(modes: [String]) async throws {
        let server = try await DNSServer.start(
            """
            {"callee-dapr.default.svc.cluster.local": \(here), "callee-dapr.prod.svc.cluster.local": {"alias": "other.example"},
             "other.example": \(here), "six-dapr.default.svc.cluster.local": {"aaaa": ["::ffff:127.0.0.1"]}}
            """)
        let seed = try await seed(), callee = try await seed.callee()
        let names = try await Names("kubernetes", ["dnsServers: \(server.address)", "port: \(callee.internalPort)"], modes: modes)
        try await names.caller { caller in
            #expect(try await Names.failures(caller, of: 5) == 0)
            // The DNS was asked for this name, and the runtime there says that it is not this app.
            for (app, name) in [("callee.prod", "callee-dapr.prod"), ("six", "six-dapr.default")] {
                let answer = try await Names.call(caller, app)
                #expect(!answer.body.contains("no instance"), "\(answer)")
                #expect(server.queries.contains("\(name).svc.cluster.local 1") && server.queries.contains("\(name).svc.cluster.local 28"))
            }
            try await Names.unknown(caller, "nobody")
            try await Names.unknown(caller, "Upper")
        }
        try await names.caller(["NAMESPACE": "blue"]) { caller in
            try await Names.unknown(caller)
            #expect(server.queries.contains("callee-dapr.blue.svc.cluster.local 1"))
        }
        try await callee.stop()
    }

    @Test("a template says how an address is made, with a port of its own")
    func template() async throws {
        let server = try await DNSServer.start(#"{"callee-eu.default.internal": \#(here)}"#)
        let seed = try await seed(), callee = try await seed.callee()
        let names = try await Names(
            "kubernetes", ["dnsServers: \(server.address)", "template: '{{.ID}}-eu.{{ .Namespace }}.internal:\(callee.internalPort)'"])
        try await names.caller { caller in
            let failures = try await Names.failures(caller, of: 5)
            #expect(failures == 0)
        }
        let other = try await Names("kubernetes", ["dnsServers: \(server.address)", "clusterDomain: example", "port: \(callee.internalPort)"])
        try server.change(#"{"callee-dapr.default.svc.example": \#(here)}"#)
        try await other.caller { caller in
            let failures = try await Names.failures(caller, of: 5)
            #expect(failures == 0)
        }
        try await callee.stop()
    }

    @Test("answers that are lost, broken or refused are no answers; another server is asked")
    func faults() async throws {
        let seed = try await seed(), callee = try await seed.callee()
        let refusing = try await DNSServer.start(#"{"callee-dapr.default.svc.cluster.local": {"status": 2}}"#)
        let server = try await DNSServer.start(
            """
            {"callee-dapr.default.svc.cluster.local": {"a": ["127.0.0.1"], "bad": 1},
             "lost-dapr.default.svc.cluster.local": {"a": ["127.0.0.1"], "drop": 2}}
            """)
        let names = try await Names(
            "kubernetes",
            [
                "dnsServers: '\(refusing.address), \(server.address)'", "port: \(callee.internalPort)", "dnsTimeout: 4s",
            ])
        try await names.caller { caller in
            #expect(try await Names.failures(caller, of: 10) == 0)
            try await server.killed()
            try await refusing.killed()
            // What is known still answers; what is not gets a word about the server.
            #expect(try await Names.failures(caller, of: 10) == 0)
            let answer = try await Names.call(caller, "lost")
            #expect(answer.status == 500 && answer.body.contains("DNS server 127.0.0.1:"), "\(answer)")
        }
        let silent = try await DNSServer.start(#"{"callee-dapr.default.svc.cluster.local": {"a": ["127.0.0.1"], "drop": 2}}"#)
        let patient = try await Names("kubernetes", ["dnsServers: \(silent.address)", "port: \(callee.internalPort)", "dnsTimeout: 300ms"])
        try await patient.caller { caller in
            // Both questions of the first try are lost; the second try is answered.
            let failures = try await Names.failures(caller, of: 1)
            #expect(failures == 0)
            #expect(silent.queries.count >= 4, "\(silent.queries)")
        }
        try await callee.stop()
    }

    @Test("instances that are gone from the DNS are not called, and one that is killed costs no call")
    func instances() async throws {
        let seed = try await seed(), one = try await seed.callee()
        // Two instances that listen on the same port of different addresses of this machine.
        let server = try await DNSServer.start(#"{"callee-dapr.default.svc.cluster.local": {"a": ["127.0.0.1", "127.0.0.9"]}}"#)
        let names = try await Names("kubernetes", ["dnsServers: \(server.address)", "port: \(one.internalPort)"])
        let other = try await names.callee(
            flags: ["--dapr-internal-grpc-port", "\(one.internalPort)", "--dapr-internal-grpc-listen-address", "127.0.0.9"])
        try await names.caller { caller in
            #expect(try await Names.failures(caller, of: 20) == 0)
            try await one.killed()
            #expect(try await Names.failures(caller, of: 40) == 0)
            try await other.killed()
            #expect(try await Names.failures(caller, of: 1) == 1)
        }
    }

    @Test("an app that is withdrawn while it runs is not called any more; known instances are while the DNS has nothing to say")
    func withdrawn() async throws {
        let seed = try await seed(), callee = try await seed.callee()
        let known = #"{"callee-dapr.default.svc.cluster.local": {"a": ["127.0.0.1"], "ttl": 1}}"#
        let server = try await DNSServer.start(known)
        let names = try await Names("kubernetes", ["dnsServers: \(server.address)", "port: \(callee.internalPort)", "dnsTimeout: 300ms"])
        try await names.caller { caller in
            #expect(try await Names.failures(caller, of: 5) == 0)
            try server.change(#"{"callee-dapr.default.svc.cluster.local": {"status": 2}}"#)
            let queries = server.queries.count
            try await eventually("the DNS refuses for a while", within: .seconds(40)) { () -> Void? in
                let failures = try await Names.failures(caller, of: 10)
                #expect(failures == 0)
                return server.queries.count > queries + 20 ? () : nil
            }
            try server.change("{}")
            try await Names.unknown(caller, within: .seconds(30))
            #expect(callee.process.code == nil)
            try server.change(known)
            try await eventually("every event loop knows it again", within: .seconds(40)) {
                try await Names.failures(caller, of: 12) == 0 ? () : nil
            }
            // A moment without it costs nothing.
            try server.change("{}")
            let failures = try await Names.failures(caller, of: 5)
            try server.change(known)
            let later = try await Names.failures(caller, of: 40)
            #expect(failures == 0 && later == 0)
        }
        try await callee.stop()
    }

    @Test("what is wrong in the settings is said to whoever calls", arguments: [
        (["clusterDomain: a", "template: '{{.ID}}'"], "leave one out"), (["template: '{{.Data.region}}-{{.ID}}'"], "{{.Data.region}}"),
        (["template: 'x:1'"], "{{.ID}}"), (["template: '{{.ID'"], "without its }}"), (["dnsServers: 'a b:99999'"], "dnsServers"),
        (["dnsServers: somewhere"], "DNS server somewhere:53"),
    ] as [([String], String)])
    func mistakes(settings: [String], word: String) async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try Names.flags("kubernetes", settings, in: scratch), untilReady: false) { octavo in
            let answer = try await Names.call(octavo)
            #expect(answer.status == 500 && answer.body.contains(word), "\(answer)")
        }
    }
}

import Foundation
import Testing

@Suite("nameresolution.structuredformat", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct StructuredNamesTests {
    @Test("a file is followed, whatever becomes of it", arguments: ["jsonFile", "yamlFile"])
    func file(type: String) async throws {
        let place = try Scratch()
        func table(_ rows: [(String, [Int])]) throws {
            let text: String
            if type == "jsonFile" {
                text = #"{"appInstances": {"#
                    + rows.map { row in
                        "\"\(row.0)\": [" + row.1.map { #"{"domain": "", "ipv4": "127.0.0.1", "port": \#($0), "extendedInfo": {"a": "b"}}"# }
                            .joined(separator: ",") + "]"
                    }.joined(separator: ",") + "}}"
            } else {
                text = "appInstances:\n"
                    + rows.map { row in
                        "  \(row.0):\n" + row.1.map { "    - domain: localhost\n      ipv6: '::7'\n      port: \($0)\n" }.joined()
                    }.joined()
            }
            // As an editor does it: whole, under another name first.
            try place.write(text, to: "new")
            rename(place.file("new"), place.file("table"))
        }
        try table([("nobody", [1])])
        let names = try await Names("structuredformat", ["structuredType: \(type)", "filePath: \(place.file("table"))"])
        let one = try await names.callee(), two = try await names.callee(), other = try await names.callee(environment: ["NAMESPACE": "prod"])
        try await names.caller { caller in
            try await Names.unknown(caller)
            try table([("callee", [one.internalPort, two.internalPort]), ("callee.prod", [other.internalPort])])
            try await Names.known(caller)
            try await Names.known(caller, "callee.prod")
            try await one.killed()
            #expect(try await Names.failures(caller, of: 20) == 0)
            // What is broken changes nothing, and is said.
            try place.write("{[", to: "table")
            try await eventually("a word about the broken file") {
                _ = try await Names.call(caller)
                return caller.process.errors.contains("no good table of apps") ? () : nil
            }
            #expect(try await Names.failures(caller, of: 20) == 0)
            try table([("callee.prod", [other.internalPort])])
            try await names.caller { second in
                try await Names.unknown(second)
                try await Names.known(second, "callee.prod")
            }
        }
        for callee in [two, other] { try await callee.stop() }
    }

    @Test("a text in the settings is a table, too", arguments: StoresTests.modes)
    func text(modes: [String]) async throws {
        let seed = try await Names("structured", ["structuredType: json", #"stringValue: '{"appInstances": {}}'"#])
        let callee = try await seed.callee()
        for (type, text) in [
            ("jsonString", #"stringValue: '{"appInstances": {"callee": [{"ipv4": "127.0.0.1", "port": \#(callee.internalPort)}]}}'"#),
            // A table that stands there as it is, not in quotes, comes as JSON.
            ("json", "stringValue: {appInstances: {callee: [{ipv4: 127.0.0.1, port: \(callee.internalPort)}]}}"),
            ("yamlString", "stringValue: |\n        appInstances:\n          callee:\n            - {ipv4: 127.0.0.1, port: \(callee.internalPort)}"),
        ] {
            let names = try await Names("structured", ["structuredType: \(type)", text], modes: modes)
            try await names.caller { caller in
                #expect(try await Names.failures(caller, of: 5) == 0)
                try await Names.unknown(caller, "nobody")
            }
        }
        try await callee.stop()
    }

    @Test("what is wrong in the settings is said to whoever calls", arguments: [
        (["filePath: /x"], "stringValue is missing"), (["structuredType: jsonFile"], "filePath is missing"),
        (["structuredType: yamlString"], "stringValue is missing"), (["structuredType: xml"], "structuredType"),
        (["structuredType: jsonString", "stringValue: '{\"apps\": {}}'"], "appInstances"),
        (["structuredType: jsonString", "stringValue: '{\"appInstances\": {\"a\": [{\"port\": 5}]}}'"], "instance 0 of app a"),
        (["structuredType: jsonString", "stringValue: '{\"appInstances\": {\"a\": [{\"ipv4\": \"x\", \"port\": 70000}]}}'"], "no port from 1 to 65535"),
        (["structuredType: jsonFile", "filePath: /nowhere/table"], "/nowhere/table"),
    ] as [([String], String)])
    func mistakes(settings: [String], word: String) async throws {
        let scratch = try Scratch()
        let flags = try Names.flags("structuredformat", settings, in: scratch)
        try await OctavoProcess.with(in: scratch, flags: flags, untilReady: false) { octavo in
            let answer = try await Names.call(octavo)
            #expect(answer.status == 500 && answer.body.contains(word), "\(answer)")
        }
    }
}

import Foundation
import JSONText
import Testing

/// How the suite reaches a store.
struct ConformanceWay: Sendable, CustomTestStringConvertible {
    enum Wire: String, CaseIterable, Sendable {
        /// The Dapr SDK and grpcio.
        case grpc
        /// HTTP/1.1.
        case http
    }

    var wire: Wire
    /// Whether the store's plugin runs in a helper process.
    var isIsolated: Bool

    var testDescription: String { wire.rawValue + (isIsolated ? ", isolated" : "") }

    static let all = [false, true].flatMap { isIsolated in
        Wire.allCases.map { ConformanceWay(wire: $0, isIsolated: isIsolated) }
    }
}

@Suite(
    "Every state store gives the same answers over both wires", .serialized,
    .enabled(if: Places.hasSDK, "tools/setup test installs the clients"))
struct StateAPIConformanceTests {
    /// One line of the suite: how a case ended, its name, the store, the wire, and why.
    private struct Line {
        var word: Substring
        var name: Substring
        var why: Substring

        init?(_ text: Substring) {
            let parts = text.split(separator: "\t", maxSplits: 4, omittingEmptySubsequences: false)
            guard parts.count == 5 else { return nil }
            (word, name, why) = (parts[0], parts[1], parts[4])
        }
    }

    @Test("all cases", arguments: ConformingStore.allCases, ConformanceWay.all)
    func conforms(_ store: ConformingStore, _ way: ConformanceWay) async throws {
        let scratch = try Scratch()
        let fixture = try await store.prepare(in: scratch)
        let lines = try await OctavoProcess.with(
            in: scratch, flags: fixture.flags + (way.isIsolated ? ["--isolate", store.plugin] : []),
            environment: ConformingStore.encryptionKeys.merging(["NAMESPACE": "Shop"]) { $1 }
        ) { octavo in
            let setting = JSONValue.object([
                ("http", .number("\(octavo.http)")), ("grpc", .number("\(octavo.grpc)")), ("wire", .string(way.wire.rawValue)),
                ("kind", .string(store.rawValue)), ("features", .array(store.features.map { .string($0) })),
                ("backing", fixture.backing), ("only", .string(ProcessInfo.processInfo.environment["OCTAVO_CASE"] ?? "")),
            ])
            var text = JSONWriter()
            text.value(setting)
            let end = try await Subprocess.run(
                Places.python, [Places.scripts + "/conformance", String(decoding: text.bytes, as: UTF8.self)],
                environment: ConformingStore.encryptionKeys.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }, within: .seconds(120))
            print(end.output)
            let lines = end.output.split(separator: "\n").compactMap(Line.init)
            let failed = lines.filter { $0.word == "FAILED" }
            for line in failed { Issue.record("\(line.name), \(store.rawValue), \(way.testDescription): \(line.why)") }
            guard end.code == 0 || !failed.isEmpty else {
                throw Trouble("the suite ended with \(end.code): \(end.output)\(end.errors)")
            }
            let mode = try await octavo.json("plugin", "describe", store.plugin)["summary"]?["mode"]?.string
            #expect(mode == (way.isIsolated ? "isolated" : "in process"))
            // No request may have made the runtime complain of itself.
            #expect(try await octavo.json("doctor")["findings"]?.array == [])
            return lines
        }
        try await fixture.server?.killed()
        withExtendedLifetime(fixture.database) {}
        let passed = lines.count { $0.word == "passed" }
        #expect(passed > 100 || ProcessInfo.processInfo.environment["OCTAVO_CASE"] != nil, "only \(passed) cases were run")
    }
}

import NIOCore
import Testing

@testable import Transport

@Suite("Health and reflection") struct ServiceTests {
    private static func text(_ number: Int, _ value: String) -> [UInt8] {
        var bytes: [UInt8] = []
        WireFormat.append(number, value.utf8, to: &bytes)
        return bytes
    }

    @Test("Check answers for the server and its services, Watch tells of changes")
    func health() async throws {
        try await TestServer.run(configure: { router, _ in
            let health = HealthService()
            health.set(.notServing, for: "a.B")
            health.add(to: router)
            router.unary("/test.Test/Heal") { call, _ in
                health.set(.serving, for: "a.B")
                health.shutDown()
                health.set(.serving, for: "a.B")
                call.reply(size: 0) { _ in }
            }
        }) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/grpc.health.v1.Health/Check"), .message([], last: true))
            #expect(try await client.answer().messages.map(\.bytes) == [[8, 1]])
            client.send(
                .call("/grpc.health.v1.Health/Check", stream: 3), .message(Self.text(1, "a.B"), stream: 3, last: true))
            #expect(try await client.answer(3).messages.map(\.bytes) == [[8, 2]])
            client.send(
                .call("/grpc.health.v1.Health/Check", stream: 5), .message(Self.text(1, "x"), stream: 5, last: true))
            #expect(try await client.answer(5).status == "5")
            client.send(.call("/grpc.health.v1.Health/Check", stream: 7), .message([0xff], stream: 7, last: true))
            #expect(try await client.answer(7).status == "3")

            client.send(
                .call("/grpc.health.v1.Health/Watch", stream: 9), .message(Self.text(1, "a.B"), stream: 9, last: true))
            client.send(
                .call("/grpc.health.v1.Health/Watch", stream: 11),
                .message(Self.text(1, "later"), stream: 11, last: true))
            try await client.wait { client.answers[9]?.messages.count == 1 && client.answers[11]?.messages.count == 1 }
            #expect(client.answers[11]?.messages.map(\.bytes) == [[8, 3]])
            client.send(.call("/test.Test/Heal", stream: 13), .message([], stream: 13, last: true))
            try await client.wait { client.answers[9]?.messages.count == 3 }
            #expect(client.answers[9]?.messages.map(\.bytes) == [[8, 2], [8, 1], [8, 2]])
        }
    }

    /// `FileDescriptorProto`s: b.proto imports a.proto.
    private static var files: [[UInt8]] {
        let nested = text(1, "Outer") + message(3, text(1, "Inner")) + message(4, text(1, "Kind"))
        let a = text(1, "a.proto") + text(2, "pkg") + message(4, nested)
        let b = text(1, "b.proto") + text(2, "pkg") + text(3, "a.proto") + message(6, text(1, "Service"))
        return [b, a, [0xff, 0xff]]
    }

    private static func message(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        WireFormat.append(number, content, to: &bytes)
        return bytes
    }

    @Test(
        "symbols lead to their file",
        arguments: [
            ("pkg.Outer", 1), ("pkg.Outer.Inner", 1), ("pkg.Outer.Kind", 1), ("pkg.Outer.field", 1), ("pkg.Service", 0),
            ("pkg.Service.Method", 0), ("pkg", -1), ("Outer", -1), ("", -1),
        ])
    func symbols(symbol: String, file: Int) {
        let index = DescriptorIndex(files: Self.files)
        #expect(index.files.count == 2)
        #expect(index.file(defining: symbol) ?? -1 == file)
        #expect(index.withImports(0) == [0, 1])
    }

    @Test("reflection lists services, finds files and says what it does not know", arguments: ["v1", "v1alpha"])
    func reflection(version: String) async throws {
        try await TestServer.run(configure: { router, _ in
            ReflectionService(files: Self.files).add(to: router, services: ["pkg.Service"])
        }) { server in
            let client = try HTTP2Client(server.address)
            client.send(.call("/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo"))
            client.send(
                .message(Self.text(7, "*")), .message(Self.text(4, "pkg.Service")), .message(Self.text(3, "nope")))
            client.send(.data([], last: true))
            let answer = try await client.answer()
            #expect(answer.status == "0")
            let messages = answer.messages.map(\.bytes)
            try #require(messages.count == 3)
            #expect(
                messages[0] == Self.message(2, Self.text(7, "*"))
                    + Self.message(6, Self.message(1, Self.text(1, "pkg.Service"))))
            let files = Self.files
            #expect(
                messages[1] == Self.message(2, Self.text(4, "pkg.Service"))
                    + Self.message(4, Self.message(1, files[0]) + Self.message(1, files[1])))
            #expect(String(decoding: messages[2], as: UTF8.self).contains("The file 'nope' is not known here."))
        }
    }
}

import Testing

@testable import DaprAPI

@Suite("A request target")
struct RequestTargetTests {
    @Test(
        "is taken apart into segments",
        arguments: [
            ("/v1.0/state/s/k", ["v1.0", "state", "s", "k"]), ("//v1.0///state/s/k/", ["v1.0", "state", "s", "k"]),
            ("/v1.0/state/s/a%2Fb", ["v1.0", "state", "s", "a/b"]), ("/v1.0/state/s/a+b", ["v1.0", "state", "s", "a b"]),
            ("/v1.0/state/s/a%2Bb", ["v1.0", "state", "s", "a+b"]), ("/v1.0/state/s/%E2%82%AC", ["v1.0", "state", "s", "€"]),
            ("/v1.0/x/../state/./s", ["v1.0", "state", "s"]), ("/../../v1.0", ["v1.0"]),
            ("/a/%2e%2e/b", ["a", "..", "b"]), ("/", []), ("", []), ("*", ["*"]), ("/a?b=/c", ["a"]), ("?", []),
        ])
    func segments(_ target: String, _ expected: [String]) throws {
        #expect(try RequestTarget(target).segments == expected)
    }

    @Test("with a malformed escape is refused", arguments: ["/%", "/a%2", "/a%zz", "/%ff", "/a%+1", "/%c3%28"])
    func malformed(_ target: String) {
        #expect(throws: RequestTarget.Malformed.escape) { try RequestTarget(target) }
    }

    @Test(
        "gives parameters, the first of a name, and passes over what can't be decoded",
        arguments: [
            ("/?a=1&a=2", "1"), ("/?a=%zz&a=2", "2"), ("/?a", ""), ("/?a=", ""), ("/?b=1", nil), ("/?a=x+y%26", "x y&"),
            ("/?a=b=c", "b=c"), ("/?&&a=1&", "1"), ("/?a=1;b", nil),
        ] as [(String, String?)])
    func parameters(_ target: String, _ expected: String?) throws {
        #expect(try RequestTarget(target).parameter("a") == expected)
    }

    @Test("gives metadata, the first of a name")
    func metadata() throws {
        let target = try RequestTarget("/?metadata.a=1&metadata.b=%20&metadata.a=2&Metadata.c=3&metadata.=4")
        #expect(target.metadata.map(\.0) == ["a", "b", ""])
        #expect(target.metadata.map(\.1) == ["1", " ", "4"])
    }

    @Test("may hold so many metadata parameters and no more")
    func metadataLimit() throws {
        func query(_ count: Int) -> String { "/?" + (0..<count).map { "metadata.m\($0)=v" }.joined(separator: "&") }
        #expect(try RequestTarget(query(32)).metadata.count == 32)
        #expect(throws: RequestTarget.Malformed.tooMuchMetadata) { try RequestTarget(query(33)) }
    }
}

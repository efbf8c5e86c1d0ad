/// What is sent behind a valid greeting, and how it must end.
enum HostileFrames {
    typealias Case = HostileHTTP2Tests.Case
    typealias End = HostileHTTP2Tests.End

    static let cases: [Case] = malformed + requests + floods

    private static var malformed: [Case] {
        var cases: [Case] = []
        func add(_ name: String, _ frames: [Frame], _ end: End) { cases.append(Case(name, frames, end)) }
        add("frame above the size limit", [.data([UInt8](repeating: 0, count: 16_385))], .goAway(6))
        add("frame that claims 16 MiB", [Frame(kind: 0, stream: 1, payload: [1], claimedLength: 0xff_ffff)], .goAway(6))
        add("data on an idle stream", [.data([1], stream: 5)], .goAway(1))
        add("data on stream 0", [.data([1], stream: 0)], .goAway(1))
        add("headers on an even stream", [.request("GET", "/", stream: 2)], .goAway(1))
        add("a stream opened twice", [.request("GET", "/", flags: 5), .request("GET", "/", flags: 5)], .goAway(5))
        add("reset of an idle stream", [.reset(9)], .goAway(1))
        add("reset of a wrong length", [Frame(kind: 3, stream: 1, payload: [1])], .goAway(6))
        add("ping of a wrong length", [Frame(kind: 6, payload: [1])], .goAway(6))
        add("settings of a wrong length", [Frame(kind: 4, payload: [1])], .goAway(6))
        add("settings on a stream", [Frame(kind: 4, stream: 1)], .goAway(1))
        add(
            "settings acknowledgement with content", [Frame(kind: 4, flags: 1, payload: [0, 0, 0, 0, 0, 0])], .goAway(6)
        )
        add("initial window above 2^31", [Frame(kind: 4, payload: [0, 4, 0xff, 0xff, 0xff, 0xff])], .goAway(3))
        add("frame size setting too small", [Frame(kind: 4, payload: [0, 5, 0, 0, 0, 1])], .goAway(1))
        add("window update of zero", [.windowUpdate(0, 0)], .goAway(1))
        add(
            "window of the connection overflows", [.windowUpdate(0, 0x7fff_ffff), .windowUpdate(0, 0x7fff_ffff)],
            .goAway(3))
        add(
            "window of a stream overflows", [.request("POST", "/never", flags: 4), .windowUpdate(1, 0x7fff_ffff)],
            .reset(3))
        add("window update on an idle stream", [.windowUpdate(7, 1)], .goAway(1))
        add("continuation without headers", [Frame(kind: 9, flags: 4, stream: 1)], .goAway(1))
        add(
            "headers interrupted by a ping",
            [.request("GET", "/", flags: 1), Frame(kind: 6, payload: [UInt8](repeating: 0, count: 8))], .goAway(1))
        add(
            "broken header compression",
            [Frame(kind: 1, flags: 5, stream: 1, payload: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])], .goAway(9))
        add(
            "table size above the limit",
            [Frame(kind: 1, flags: 5, stream: 1, payload: [0x3f, 0xff, 0xff, 0xff, 0x7f])], .goAway(9))
        add("padding longer than the frame", [Frame(kind: 1, flags: 0xd, stream: 1, payload: [200, 0])], .goAway(1))
        add("push promise from a client", [Frame(kind: 5, flags: 4, stream: 1, payload: [0, 0, 0, 2])], .goAway(1))
        return cases
    }

    private static var requests: [Case] {
        var cases: [Case] = []
        func add(_ name: String, _ frames: [Frame], _ end: End) { cases.append(Case(name, frames, end)) }
        add(
            "no method",
            [Frame(kind: 1, flags: 5, stream: 1, payload: Frame.block([(":path", "/"), (":scheme", "http")]))],
            .reset(1))
        add("two paths", [.request("GET", "/", extra: [(":path", "/b")])], .reset(1))
        add("upper-case name", [.request("GET", "/", extra: [("X-Upper", "1")])], .reset(1))
        add("connection field", [.request("GET", "/", extra: [("connection", "close")])], .reset(1))
        add(
            "body longer than announced",
            [.request("POST", "/x", extra: [("content-length", "1")], flags: 4), .data([1, 2], last: true)], .reset(1))
        add(
            "body shorter than announced",
            [.request("POST", "/x", extra: [("content-length", "9")], flags: 4), .data([1, 2], last: true)], .reset(1))
        add("too many header bytes", [.request("GET", "/", extra: fields(15, 900))], .answer("200"))
        add("too many header fields", [.request("GET", "/", extra: fields(200, 1))], .answer("431"))
        return cases
    }

    private static var floods: [Case] {
        var cases: [Case] = []
        func add(_ name: String, _ frames: [Frame], _ end: End) { cases.append(Case(name, frames, end)) }
        add("ping flood", many(3000, Frame(kind: 6, payload: [UInt8](repeating: 0, count: 8))), .goAway(11))
        add("settings flood", many(3000, .settings), .goAway(11))
        add("priority flood", many(3000, Frame(kind: 2, stream: 1, payload: [0, 0, 0, 0, 1])), .goAway(11))
        add("empty data flood", [.request("POST", "/x", flags: 4)] + many(3000, .data([])), .goAway(11))
        add("rapid reset", rapidReset, .goAway(11))
        add("continuation flood", [.request("GET", "/", flags: 1)] + many(3000, Frame(kind: 9, stream: 1)), .goAwayAny)
        add("too many settings in one frame", [Frame(kind: 4, payload: manySettings)], .goAwayAny)
        return cases
    }

    private static var rapidReset: [Frame] {
        var frames: [Frame] = []
        for index in 0..<3000 {
            let stream = UInt32(index * 2 + 1)
            frames.append(.request("GET", "/never", stream: stream))
            frames.append(.reset(stream))
        }
        return frames
    }

    private static var manySettings: [UInt8] {
        Array(repeatElement([0, 1, 0, 0, 0, 1] as [UInt8], count: 500).joined())
    }

    private static func many(_ count: Int, _ frame: Frame) -> [Frame] { Array(repeating: frame, count: count) }

    private static func fields(_ count: Int, _ length: Int) -> [(String, String)] {
        (0..<count).map { ("x-\($0)", String(repeating: "a", count: length)) }
    }
}

import COctavo

/// What every filter must do, whatever it looks for.
package enum FilterCases {
    package static let all: [ConformanceCase] = [sane, odd, repeated]

    private static func check(_ said: FilterCalls.Said, _ what: String) throws {
        try require((0...2).contains(said.action), "\(what): the action is \(said.action), which is none of octavo_filter_reply.")
        if said.action == OCTAVO_FILTER_ANSWER {
            try require((200...599).contains(said.status), "\(what): it answers with the status \(said.status), which is none of HTTP.")
        }
        if let path = said.path { try require(path.hasPrefix("/"), "\(what): the path that it gives begins with no slash: \(path).") }
        for name in said.set { try require(!name.isEmpty, "\(what): it sets a header that has no name.") }
    }

    static let sane = ConformanceCase("a request is let through, changed or answered", section: "filter.h: octavo_filter_reply") { instance, _ in
        for method in ["GET", "POST", "OPTIONS"] {
            let said = try FilterCalls(instance).request(
                method, "/v1.0/state/a?b=c", [("host", "localhost"), ("content-type", "text/plain")], body: Array("hello".utf8))
            try check(said, method)
        }
    }

    static let odd = ConformanceCase("a request that has nothing, or odd things, is none to fall over", section: "filter.h: octavo_filter_message") {
        instance, _ in
        let calls = FilterCalls(instance)
        let long = String(repeating: "x", count: 60_000)
        try check(try calls.request("GET", "/", body: [], from: nil), "without headers, body and peer")
        try check(try calls.request("", "", body: []), "without a method and a path")
        try check(try calls.request("GET", "/" + long, [("x-long", long), ("authorization", "Bearer " + long)], body: []), "with long texts")
        try check(
            try calls.request(
                "OPTIONS", "/%zz//../?#", [("origin", ""), ("access-control-request-method", ""), ("authorization", "Bearer ..")], body: [0, 255]),
            "with odd texts")
    }

    static let repeated = ConformanceCase("one request after the other is looked at", section: "filter.h: octavo_filter_ops") { instance, _ in
        for index in 0..<100 { try check(try FilterCalls(instance).request("GET", "/\(index)", body: []), "request \(index)") }
    }
}

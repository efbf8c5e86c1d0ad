package import Tracing

extension TraceContext {
    /// What a request has brought; nil when it has none or it is malformed: then its trace begins here.
    package init?(_ headers: HeaderFields) {
        guard headers.mayHaveTrace else { return nil }
        self.init(found: headers)
    }

    private init?(found headers: HeaderFields) {
        guard var context = headers.withValue("traceparent", { TraceContext(parent: $0) }) ?? nil else { return nil }
        var parents = 0
        var states: [String] = []
        headers.forEach { name, value in
            if name.elementsEqual("traceparent".utf8) { parents += 1 }
            if name.elementsEqual("tracestate".utf8) { states.append(String(decoding: value, as: UTF8.self)) }
        }
        // Two parents are none; the list may come in parts.
        guard parents == 1 else { return nil }
        if !states.isEmpty { context.state = TraceState.checked(states.joined(separator: ",")) }
        self = context
    }

    /// The same of gRPC metadata, where `grpc-trace-bin` comes first. Source: Dapr's gRPC API.
    package init?(metadata: HeaderFields) {
        guard metadata.mayHaveTrace else { return nil }
        if let text = metadata["grpc-trace-bin" as StaticString], let bytes = Base64.decode(text.utf8), let context = TraceContext(binary: bytes) {
            self = context
        } else {
            self.init(found: metadata)
        }
    }

    /// Whether a field of that name is one of the trace's.
    package static func isField(_ name: String) -> Bool { name == "traceparent" || name == "tracestate" || name == "grpc-trace-bin" }
}

extension Activity {
    /// Header fields for whoever is called next.
    package var fields: [(String, String)] {
        context.state.isEmpty ? [("traceparent", context.parent)] : [("traceparent", context.parent), ("tracestate", context.state)]
    }

    /// The same as gRPC metadata.
    package var metadata: [(String, String)] { fields + [("grpc-trace-bin", context.binaryText)] }
}

extension HeaderFields {
    /// Whether there is a field as long as the names of those that hold a parent: most requests have none, and are asked no more.
    fileprivate var mayHaveTrace: Bool {
        var may = false
        forEach { name, _ in
            guard name.count == 11 || name.count == 14 else { return }
            may = may || name[0] == UInt8(ascii: "t") || name[0] == UInt8(ascii: "g")
        }
        return may
    }
}

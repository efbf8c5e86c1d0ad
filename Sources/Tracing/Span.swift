/// A fact of a span. Never a payload, never a secret.
package struct SpanAttribute: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case text(String)
        case integer(Int64)
    }

    package var name: String
    package var value: Value

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = .text(value)
    }

    package init(_ name: String, _ value: Int) {
        self.name = name
        self.value = .integer(Int64(value))
    }
}

/// A span that has ended. A value.
package struct Span: Sendable {
    /// As OTLP numbers them.
    package enum Kind: Int, Sendable {
        case `internal` = 1, server, client, producer, consumer
    }

    /// Its own: `context.span` is its id.
    package var context: TraceContext
    /// 0: none.
    package var parent: UInt64
    package var name: String
    package var kind: Kind
    /// Nanoseconds since 1970.
    package var start: UInt64
    package var end: UInt64
    package var attributes: [SpanAttribute]
    /// nil: it went well. A few words, never what somebody sent.
    package var failure: String?

    package init(
        context: TraceContext, parent: UInt64, name: String, kind: Kind, start: UInt64, end: UInt64, attributes: [SpanAttribute], failure: String?
    ) {
        self.context = context
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
        self.failure = failure
    }
}

/// Takes spans that have ended. Any thread; never waits.
package protocol SpanSink: Sendable {
    func put(_ span: Span)
}

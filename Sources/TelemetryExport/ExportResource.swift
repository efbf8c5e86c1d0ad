import ProtoWire
import Tracing

/// Who sends: what OpenTelemetry calls a resource.
package struct ExportResource: Sendable {
    /// In the order in which they are sent; each name once.
    package let attributes: [(name: String, value: String)]
    /// Of the program, as its scope says.
    package let version: String

    /// `service`: the app. `more` wins over what is known here but for the name of the service.
    package init(service: String, version: String, more: [(name: String, value: String)] = []) {
        self.version = version
        var attributes: [(name: String, value: String)] = [("service.name", service)]
        for one in more + [("telemetry.sdk.name", "octavo"), ("telemetry.sdk.version", version)]
        where !attributes.contains(where: { $0.name == one.name }) {
            attributes.append(one)
        }
        self.attributes = attributes
    }

    var service: String { attributes[0].value }

    /// As a `Resource` in field `number`. The writer goes backwards.
    func write(_ number: UInt32, _ out: inout ProtoWriter) {
        out.nested(number) { resource in
            for one in attributes.reversed() { Self.write(SpanAttribute(one.name, one.value), 1, &resource) }
        }
    }

    /// An `InstrumentationScope` in field `number`.
    func writeScope(_ number: UInt32, _ out: inout ProtoWriter) {
        out.nested(number) { scope in
            scope.string(2, version)
            scope.string(1, "octavo")
        }
    }

    /// A `KeyValue` in field `number`.
    static func write(_ attribute: SpanAttribute, _ number: UInt32, _ out: inout ProtoWriter) {
        out.nested(number) { pair in
            pair.nested(2) { value in
                switch attribute.value {
                case .text(let text): value.string(1, text, always: true)
                case .integer(let number): value.int64(3, number, always: true)
                }
            }
            pair.string(1, attribute.name)
        }
    }
}

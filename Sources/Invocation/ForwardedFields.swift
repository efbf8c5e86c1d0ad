import Certificates
package import Tracing
package import Transport

/// Which header fields go on with a call, and which are added to it.
package enum ForwardedFields {
    /// Fields of one connection, which end with it (RFC 9110 §7.6.1).
    private static func isHopByHop(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 2: name.equals("te")
        case 7: name.equals("trailer") || name.equals("upgrade")
        case 10: name.equals("connection") || name.equals("keep-alive")
        case 14: name.equals("http2-settings")
        case 16: name.equals("proxy-connection")
        case 17: name.equals("transfer-encoding")
        case 18: name.equals("proxy-authenticate")
        case 19: name.equals("proxy-authorization")
        default: false
        }
    }

    /// Fields that say who calls whom are ours: a caller can't say that it is another.
    private static func isOurs(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 11: name.equals("octavo-wire") || name.equals("dapr-app-id")
        case 14: name.equals("dapr-api-token")
        case 18: name.equals("dapr-callee-app-id") || name.equals("dapr-caller-app-id")
        case 21: name.equals("dapr-caller-namespace")
        default: false
        }
    }

    /// What the next server says of itself, or who sends the request on.
    private static func isOfRequest(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 4: name.equals("host")
        case 6: name.equals("expect")
        case 14: name.equals("content-length")
        case 17: name.equals("octavo-timeout-ms")
        default: false
        }
    }

    /// The fields of a request that go on. `keepsCaller`: they come from another runtime, which has said who calls.
    /// `activity`: the request's, whose trace goes on in place of what has come.
    package static func request(_ headers: HeaderFields, keepsCaller: Bool, for activity: ActivityRef?) -> HeaderFields {
        let live = activity?.live
        var fields = kept(headers) { name in
            if isOfRequest(name) || (live != nil && isOfTrace(name)) { return false }
            return !isOurs(name) || (keepsCaller && !name.equals("dapr-api-token"))
        }
        live?.add(to: &fields)
        return fields
    }

    /// Appends the metadata of a gRPC call that goes on: without what the protocol itself uses, which each side has its own of.
    /// `isForApp`: nothing that runtimes alone say to each other.
    static func append(
        call metadata: HeaderFields, keepsCaller: Bool, isForApp: Bool = false, for activity: ActivityRef?, to fields: inout HeaderFields
    ) {
        let live = activity?.live
        append(metadata, to: &fields) { name in
            if isOfTrace(name) { return live == nil }
            if isOfRequest(name) || isOfGRPC(name) { return false }
            return !isOurs(name) || (keepsCaller && !name.equals("dapr-api-token") && !(isForApp && name.equals("octavo-wire")))
        }
        live?.addMetadata(to: &fields)
    }

    /// The fields of another runtime's request, with the caller that its certificate names and no other.
    static func request(_ headers: HeaderFields, from caller: RuntimeIdentity, for activity: ActivityRef?) -> HeaderFields {
        let live = activity?.live
        var fields = kept(headers) {
            !isOfRequest($0) && !$0.equals("dapr-api-token") && !isOfCaller($0) && !(live != nil && isOfTrace($0))
        }
        live?.add(to: &fields)
        name(caller, in: &fields)
        return fields
    }

    /// The same of a gRPC call.
    static func append(
        call metadata: HeaderFields, from caller: RuntimeIdentity, for activity: ActivityRef?, to fields: inout HeaderFields
    ) {
        let live = activity?.live
        append(metadata, to: &fields) {
            if isOfTrace($0) { return live == nil }
            return !isOfRequest($0) && !isOfGRPC($0) && !$0.equals("dapr-api-token") && !isOfCaller($0) && !$0.equals("octavo-wire")
        }
        live?.addMetadata(to: &fields)
        name(caller, in: &fields)
    }

    static func isOfCaller(_ name: UnsafeRawBufferPointer) -> Bool {
        name.equals("dapr-caller-app-id") || name.equals("dapr-caller-namespace")
    }

    private static func name(_ caller: RuntimeIdentity, in fields: inout HeaderFields) {
        fields.append("dapr-caller-app-id" as StaticString, caller.appID)
        fields.append("dapr-caller-namespace" as StaticString, caller.namespace)
    }

    /// Appends the metadata of an answer of gRPC that goes back.
    static func append(answer metadata: HeaderFields, to fields: inout HeaderFields) {
        append(metadata, to: &fields) { !isOfGRPC($0) && !$0.equals("date") }
    }

    private static func isOfGRPC(_ name: UnsafeRawBufferPointer) -> Bool {
        name.hasPrefix("grpc-") || name.equals("content-type")
    }

    private static func isOfTrace(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 10: name.equals("tracestate")
        case 11: name.equals("traceparent")
        case 14: name.equals("grpc-trace-bin")
        default: false
        }
    }

    /// The fields of an answer that go back; `content-length` among them.
    package static func response(_ headers: HeaderFields) -> HeaderFields {
        // The date is our server's, and so is the trace that callers are told.
        kept(headers) { !$0.equals("date") && !isOfTrace($0) }
    }

    /// Those that are not of the connection.
    private static func kept(_ headers: HeaderFields, _ keeps: (UnsafeRawBufferPointer) -> Bool) -> HeaderFields {
        var fields = HeaderFields()
        fields.reserveCapacity(headers.count + 4, bytes: headers.byteCount + 160)
        append(headers, to: &fields, keeps)
        return fields
    }

    /// Appends those that are not of the connection, by themselves or because `connection` names them.
    @inline(__always)
    private static func append(_ headers: HeaderFields, to fields: inout HeaderFields, _ keeps: (UnsafeRawBufferPointer) -> Bool) {
        let named = headers.withValue("connection") { isPlain($0) ? [] : words(String(decoding: $0, as: UTF8.self)) } ?? []
        headers.forEach { name, value in
            if isHopByHop(name) || !keeps(name) { return }
            if !named.isEmpty, named.contains(String(decoding: name, as: UTF8.self)) { return }
            fields.append(name, value)
        }
    }

    /// Names no field.
    private static func isPlain(_ value: UnsafeRawBufferPointer) -> Bool { value.equals("keep-alive") || value.equals("close") }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split(separator: ",").map { String($0.drop { $0 == " " }.prefix { $0 != " " }) }
            .filter { $0 != "close" && $0 != "keep-alive" }
    }
}

extension Activity {
    fileprivate func add(to fields: inout HeaderFields) {
        context.withParent { fields.append(Self.parentName, $0) }
        if !context.state.isEmpty { fields.append("tracestate" as StaticString, context.state) }
    }

    fileprivate func addMetadata(to fields: inout HeaderFields) {
        add(to: &fields)
        // Old libraries know this form alone; where nothing is recorded it would tell them nothing.
        if hasParent || isRecorded { context.withBinaryText { fields.append(Self.binaryName, $0) } }
    }

    private static var parentName: UnsafeRawBufferPointer { name("traceparent") }
    private static var binaryName: UnsafeRawBufferPointer { name("grpc-trace-bin") }

    private static func name(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}

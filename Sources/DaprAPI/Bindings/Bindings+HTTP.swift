import BuildingBlocks
import JSONText
import NIOCore
import Transport

extension DaprAPI {
    /// `POST` or `PUT /v1.0/bindings/<name>`.
    func routeBindings(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "POST" || request.method == "PUT", target.segments.count == 3 else { return false }
        let body: BindingBody
        switch request.withBody({ BindingBody.read($0) }) {
        case .failure(let malformed):
            request.failMalformed(malformed.cause)
            return true
        case .success(let read): body = read
        }
        var invocation = BindingInvocation(
            binding: target.segments[2], operation: body.operation, contentType: body.data.isEmpty ? "" : "application/json",
            metadata: body.metadata)
        let trace = request.trace
        invocation.add("traceparent", trace.parent)
        invocation.add("tracestate", trace.state)
        invocation.add("baggage", request.headers["baggage" as StaticString])
        do throws(BindingFailure) {
            try bindings.invoke(invocation, data: body.data, deadline: 0) { result in
                switch result {
                case .failure(let failure): request.fail(APIError(failure))
                case .success(let answer): DaprAPI.respond(request, answer)
                }
            }
        } catch {
            request.fail(APIError(error))
        }
        return true
    }

    private static func respond(_ request: HTTPRequest, _ answer: BindingAnswer) {
        var headers = answer.metadata.map { ("metadata." + $0.0.lowercased(), $0.1) }
        guard let data = answer.data, !data.isEmpty else { return request.respond(status: 204, headers: headers) }
        headers.append(("content-type", answer.contentType.isEmpty ? "application/json" : answer.contentType))
        request.respond(status: 200, headers: headers, body: ByteBuffer(bytes: data))
    }
}

/// `{"data", "metadata", "operation"}`.
struct BindingBody {
    /// As it was written, without white space: a text keeps its quotes. Empty without the member.
    var data: [UInt8] = []
    var metadata: [(String, String)] = []
    var operation = ""

    static func read(_ body: UnsafeRawBufferPointer) -> Result<BindingBody, StateBody.Malformed> {
        StateBody.parse(body) { (scanner) throws(JSONError) in
            var read = BindingBody()
            try StateBody.members(&scanner) { (name, scanner) throws(JSONError) in
                switch name {
                case "data":
                    _ = scanner.next()
                    let start = scanner.offset
                    try scanner.skipValue()
                    read.data = compactJSON(UnsafeRawBufferPointer(rebasing: scanner.bytes[start..<scanner.offset]))
                case "metadata": read.metadata = try StateBody.pairs(&scanner)
                case "operation":
                    if try !StateBody.isNull(&scanner) { read.operation = try StateBody.text(&scanner, "an operation") }
                default: try scanner.skipValue()
                }
            }
            return read
        }
    }
}

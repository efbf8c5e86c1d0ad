import NIOCore
package import Transport

/// Lets pages of some origins use the API (the Fetch standard, CORS): answers the questions that browsers ask beforehand, and adds to every
/// answer what lets a page read it. Outside of everything else, as in Dapr: a question comes without the API's token.
package final class CrossOriginHandler: HTTPHandler {
    private let origins: AllowedOrigins
    private let inner: any HTTPHandler

    /// Source: Dapr's.
    private static let methods: Set<String> = ["HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    package init(_ origins: AllowedOrigins, _ inner: any HTTPHandler) {
        self.origins = origins
        self.inner = inner
    }

    package var observe: ((_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) -> Void)? { inner.observe }

    package func open(_ request: HTTPRequest) -> HTTPBodyMode {
        let origin = request.headers["origin" as StaticString] ?? ""
        if request.method == "OPTIONS", let method = request.headers["access-control-request-method" as StaticString], !method.isEmpty {
            request.respond(status: 200, headers: answer(origin, method.uppercased(), request))
            return .buffered
        }
        var fields = HeaderFields([("vary", "Origin")])
        if !origin.isEmpty, origins.allows(origin), Self.methods.contains(request.method) {
            fields.append("access-control-allow-origin" as StaticString, origins.allowsAll ? "*" : origin)
        }
        request.answerFields = fields
        return inner.open(request)
    }

    /// To the question whether a page may ask so; without a word of it when it may not.
    private func answer(_ origin: String, _ method: String, _ request: HTTPRequest) -> [(String, String)] {
        var fields = ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"].map { ("vary", $0) }
        guard !origin.isEmpty, origins.allows(origin), Self.methods.contains(method) else { return fields }
        fields.append(("access-control-allow-origin", origins.allowsAll ? "*" : origin))
        fields.append(("access-control-allow-methods", method))
        if let asked = request.headers["access-control-request-headers" as StaticString], !asked.isEmpty {
            fields.append(("access-control-allow-headers", asked))
        }
        return fields
    }

    package func handle(_ request: HTTPRequest) { inner.handle(request) }

    package func reject(_ request: HTTPRequest, status: Int, message: String) { inner.reject(request, status: status, message: message) }
}

import Transport

extension DaprAPI {
    /// `GET /v1.0/healthz` and `/v1.0/healthz/outbound`.
    func routeHealth(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "GET" || request.method == "HEAD" else { return false }
        switch target.segments.count {
        case 2:
            let reasons = facts.notReady
            if !reasons.isEmpty {
                request.fail(
                    APIError(
                        .internal, "dapr is not ready: [\(reasons.joined(separator: "; "))]", status: 500,
                        errorCode: "ERR_HEALTH_NOT_READY"))
            } else if let asked = target.parameter("appid"), asked != appID {
                request.fail(
                    APIError(
                        .internal, "dapr app-id does not match", status: 500, errorCode: "ERR_HEALTH_APPID_NOT_MATCH"))
            } else {
                request.respondNoContent()
            }
        case 3 where target.segments[2] == "outbound":
            if facts.isOutboundReady {
                request.respondNoContent()
            } else {
                request.fail(
                    APIError(
                        .internal,
                        "dapr outbound is not ready: [\(facts.notReady.joined(separator: "; "))]", status: 500,
                        errorCode: "ERR_OUTBOUND_HEALTH_NOT_READY"))
            }
        default: return false
        }
        return true
    }
}

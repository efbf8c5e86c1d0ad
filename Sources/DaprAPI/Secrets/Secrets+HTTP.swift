import BuildingBlocks
import JSONText
import Transport

extension DaprAPI {
    /// `GET /v1.0/secrets/<store>/<name>` and `/v1.0/secrets/<store>/bulk`.
    func routeSecrets(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "GET", target.segments.count == 4 else { return false }
        let store = target.segments[2]
        let name = target.segments[3]
        do throws(SecretFailure) {
            if name == "bulk" {
                try bulk(request, target, store)
            } else {
                try one(request, target, store, name)
            }
        } catch {
            request.fail(APIError(error))
        }
        return true
    }

    private func one(
        _ request: HTTPRequest, _ target: RequestTarget, _ store: String, _ name: String
    ) throws(SecretFailure) {
        try secrets.require(store: store)
        guard permits(name, of: store) else {
            request.fail(APIError.secretDenied(store: store, name: name))
            return
        }
        try secrets.get(store: store, name: name, metadata: target.metadata, deadline: 0) { result in
            switch result {
            case .failure(let failure): request.fail(APIError(failure))
            case .success(let pairs) where pairs.isEmpty: request.respondNoContent()
            case .success(let pairs):
                var writer = JSONWriter()
                write(pairs, &writer)
                request.respond(json: writer.bytes)
            }
        }
    }

    private func bulk(_ request: HTTPRequest, _ target: RequestTarget, _ store: String) throws(SecretFailure) {
        try secrets.bulkGet(store: store, metadata: target.metadata, deadline: 0) { [self] result in
            switch result {
            case .failure(let failure): request.fail(APIError(failure))
            case .success(let all):
                var writer = JSONWriter()
                writer.beginObject()
                for secret in all where permits(secret.name, of: store) {
                    writer.name(secret.name)
                    write(secret.pairs, &writer)
                }
                writer.endObject()
                request.respond(json: writer.bytes)
            }
        }
    }
}

private func write(_ pairs: [(String, String)], _ writer: inout JSONWriter) {
    writer.beginObject()
    for (name, value) in pairs { writer.member(name, value) }
    writer.endObject()
}

import BuildingBlocks
import JSONText
import Transport

extension DaprAPI {
    /// `POST /v1.0-alpha1/lock/<store>`.
    func routeLock(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "POST", target.segments.count == 3 else { return false }
        guard let body = LockBody(request) else { return true }
        let lock = LockRequest(
            store: target.segments[2], resource: body.resource, owner: body.owner, expirySeconds: body.expirySeconds,
            mode: request.headers[LockHeader.mode])
        begin(lock, deadline: 0) { result in
            switch result {
            case .failure(let error): request.fail(error)
            case .success(let answer):
                var writer = JSONWriter()
                writer.beginObject()
                writer.name("success")
                writer.bool(answer.outcome == .done)
                writer.endObject()
                request.respond(
                    json: writer.bytes, headers: answer.fencing > 0 ? [(LockHeader.fencing, String(answer.fencing))] : [])
            }
        }
        return true
    }

    /// `POST /v1.0-alpha1/unlock/<store>`.
    func routeUnlock(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "POST", target.segments.count == 3 else { return false }
        guard let body = LockBody(request) else { return true }
        do throws(LockFailure) {
            try locks.unlock(store: target.segments[2], resource: body.resource, owner: body.owner, deadline: 0) { result in
                switch result {
                case .failure(let failure): request.fail(APIError(failure))
                case .success(let answer):
                    var writer = JSONWriter()
                    writer.beginObject()
                    writer.name("status")
                    switch answer.outcome {
                    case .done: writer.integer(0)
                    case .notFound: writer.integer(1)
                    case .otherOwner, .held: writer.integer(2)
                    }
                    writer.endObject()
                    request.respond(json: writer.bytes)
                }
            }
        } catch {
            request.fail(APIError(error))
        }
        return true
    }
}

/// `{"resourceId", "lockOwner", "expiryInSeconds"}`. Names may be those of the protocol buffer, and numbers texts, as in
/// every JSON that Dapr reads into one.
private struct LockBody {
    var resource = ""
    var owner = ""
    var expirySeconds: Int32 = 0

    /// Nil after the caller was told that the body is malformed.
    init?(_ request: HTTPRequest) {
        let parsed = request.withBody { bytes -> Result<JSONValue, JSONError> in
            do throws(JSONError) { return .success(try JSONValue(parsing: bytes)) } catch { return .failure(error) }
        }
        switch parsed {
        case .failure(let error):
            request.failMalformed("\(error)")
            return nil
        case .success(.object(let members)):
            for (name, value) in members {
                if let problem = take(name, value) {
                    request.failMalformed(problem)
                    return nil
                }
            }
        case .success:
            request.failMalformed("an object was expected")
            return nil
        }
    }

    private mutating func take(_ name: String, _ value: JSONValue) -> String? {
        if value == .null { return nil }
        switch name {
        case "resourceId", "resource_id":
            guard case .string(let text) = value else { return "\(name) must be a text" }
            resource = text
        case "lockOwner", "lock_owner":
            guard case .string(let text) = value else { return "\(name) must be a text" }
            owner = text
        case "expiryInSeconds", "expiry_in_seconds":
            let text: String? =
                switch value {
                case .number(let text), .string(let text): text
                default: nil
                }
            guard let seconds = text.flatMap({ Int32($0) }) else { return "\(name) must be a whole number of seconds" }
            expirySeconds = seconds
        default: break
        }
        return nil
    }
}

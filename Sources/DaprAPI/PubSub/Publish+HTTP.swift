import BuildingBlocks
import JSONText
import Transport

extension DaprAPI {
    /// `POST /v1.0/publish/<pubsub>/<topic…>` and `/v1.0/publish/bulk/<pubsub>/<topic…>`; the topic may hold slashes.
    func routePublish(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard request.method == "POST" || request.method == "PUT" else { return false }
        let path = target.segments
        // A component named `bulk` can't be published to by this path, as in Dapr.
        if path.count > 3, path[2] == "bulk" {
            bulkPublish(request, target, path[3], path.dropFirst(4).joined(separator: "/"))
        } else {
            publish(request, target, path.count > 2 ? path[2] : "", path.dropFirst(3).joined(separator: "/"))
        }
        return true
    }

    private func publication(_ request: HTTPRequest, _ target: RequestTarget, _ name: String, _ topic: String) -> Publication {
        var publication = Publication(
            pubsub: name, topic: topic, contentType: request.headers["content-type" as StaticString] ?? "", metadata: target.metadata)
        (publication.traceParent, publication.traceState) = request.trace
        request.activity?.live?.note(topic: topic)
        return publication
    }

    private func publish(_ request: HTTPRequest, _ target: RequestTarget, _ name: String, _ topic: String) {
        do throws(PubSubFailure) {
            let publication = publication(request, target, name, topic)
            let result = request.withBody { [pubsub, appID] bytes in
                Result { () throws(PubSubFailure) in
                    try pubsub.publish(publication, data: bytes, deadline: 0) { failure in
                        if let failure { request.fail(APIError(failure, appID: appID)) } else { request.respondNoContent() }
                    }
                }
            }
            _ = try result.get()
        } catch {
            request.fail(APIError(error, appID: appID))
        }
    }

    private func bulkPublish(_ request: HTTPRequest, _ target: RequestTarget, _ name: String, _ topic: String) {
        let entries: [BulkEntry]
        do throws(BulkBody.Malformed) {
            entries = try request.withBody { bytes in Result { () throws(BulkBody.Malformed) in try BulkBody.read(bytes) } }.get()
        } catch {
            var malformed = APIError(
                .invalidArgument, "error when unmarshaling the request for topic \(topic) in pubsub \(name): \(error.cause)",
                reason: "DAPR_PUBSUB_UNMARSHAL_EVENTS", status: 400, errorCode: "ERR_PUBSUB_EVENTS_SER")
            malformed.resource = ("pubsub", name)
            return request.fail(malformed)
        }
        do throws(PubSubFailure) {
            try pubsub.publish(entries, publication(request, target, name, topic), deadline: 0) { [appID] result in
                switch result {
                case .failure(let failure): request.fail(APIError(failure, appID: appID))
                case .success(let failed) where failed.isEmpty: request.respondNoContent()
                case .success(let failed):
                    var writer = JSONWriter()
                    writer.beginObject()
                    writer.name("failedEntries")
                    writer.beginArray()
                    for entry in failed {
                        writer.beginObject()
                        writer.member("entryId", entry.id)
                        writer.member("error", entry.cause)
                        writer.endObject()
                    }
                    writer.endArray()
                    writer.member("errorCode", "ERR_PUBSUB_PUBLISH_MESSAGE")
                    writer.endObject()
                    request.respond(json: writer.bytes, status: 500)
                }
            }
        } catch {
            request.fail(APIError(error, appID: appID))
        }
    }
}

import JSONText
import NIOCore
import Transport

extension DaprAPI {
    /// `GET /v1.0/metadata`, `PUT /v1.0/metadata/<key>`.
    func routeMetadata(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        switch (request.method, target.segments.count) {
        case ("GET", 2):
            let held = NIOLoopBound(request, eventLoop: request.eventLoop)
            let loop = request.eventLoop
            let facts = self.facts
            facts.registeredComponents { components in
                loop.execute { held.value.respond(json: metadataJSON(facts, components)) }
            }
        case ("PUT", 3):
            facts.setExtendedMetadata(target.segments[2], request.withBody { String(decoding: $0, as: UTF8.self) })
            request.respondNoContent()
        default: return false
        }
        return true
    }
}

/// Source: Dapr's metadata API; members are left out when empty.
private func metadataJSON(_ facts: any RuntimeFacts, _ components: [RegisteredComponent]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", facts.identity.appID)
    writer.member("runtimeVersion", facts.version)
    if !components.isEmpty {
        writer.name("components")
        writer.beginArray()
        for component in components {
            writer.beginObject()
            writer.member("name", component.name)
            writer.member("type", component.type)
            if !component.version.isEmpty { writer.member("version", component.version) }
            if !component.capabilities.isEmpty {
                writer.name("capabilities")
                writer.beginArray()
                for word in component.capabilities { writer.string(word) }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
    }
    writer.name("extended")
    writer.beginObject()
    for (name, value) in facts.shownMetadata.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
    writer.endObject()
    writeSubscriptions(facts.subscriptions.all, &writer)
    if !facts.httpEndpoints.isEmpty {
        writer.name("httpEndpoints")
        writer.beginArray()
        for name in facts.httpEndpoints {
            writer.beginObject()
            writer.member("name", name)
            writer.endObject()
        }
        writer.endArray()
    }
    writer.name("appConnectionProperties")
    writer.beginObject()
    if let app = facts.app {
        writer.name("port")
        writer.integer(app.port)
        writer.member("protocol", app.protocol)
        writer.member("channelAddress", app.channelAddress)
        if app.maxConcurrency > 0 {
            writer.name("maxConcurrency")
            writer.integer(app.maxConcurrency)
        }
        if let health = app.health {
            writer.name("health")
            writer.beginObject()
            writer.member("healthCheckPath", health.path)
            writer.member("healthProbeInterval", health.interval.goText)
            writer.member("healthProbeTimeout", health.timeout.goText)
            writer.name("healthThreshold")
            writer.integer(health.threshold)
            writer.endObject()
        }
    }
    writer.endObject()
    writer.name("actorRuntime")
    writer.beginObject()
    writer.member("runtimeStatus", "DISABLED")
    writer.name("hostReady")
    writer.bool(false)
    writer.endObject()
    writer.endObject()
    return writer.bytes
}

import BuildingBlocks
import JSONText
import NIOCore
import Transport

extension DaprAPI {
    /// `GET /v1.0/configuration/<store>`, `…/subscribe` and `…/<id>/unsubscribe`; ours are `POST` with items and `DELETE`.
    func routeConfiguration(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        let path = target.segments
        guard path.count >= 3 else { return false }
        do throws(ConfigurationFailure) {
            switch (request.method, path.count) {
            case ("GET", 3): try get(request, target, path[2])
            case ("GET", 4) where path[3] == "subscribe": try subscribe(request, target, path[2])
            case ("GET", 5) where path[4] == "unsubscribe": try unsubscribe(request, path[3], path[2])
            case ("POST", 3): try set(request, target, path[2])
            case ("DELETE", 3): try remove(request, target, path[2])
            default: return false
            }
        } catch {
            request.fail(APIError(error))
        }
        return true
    }

    private func get(_ request: HTTPRequest, _ target: RequestTarget, _ store: String) throws(ConfigurationFailure) {
        try configuration.get(store: store, keys: target.parameters("key"), metadata: target.metadata, deadline: 0) { result in
            switch result {
            case .failure(let failure): request.fail(APIError(failure))
            case .success(let items) where items.isEmpty: request.respondNoContent()
            case .success(let items):
                var writer = JSONWriter()
                write(items, &writer)
                request.respond(json: writer.bytes)
            }
        }
    }

    private func subscribe(_ request: HTTPRequest, _ target: RequestTarget, _ store: String) throws(ConfigurationFailure) {
        try configuration.require(store: store)
        guard let receiver = facts.configurationReceiver else { return request.fail(.noConfigurationReceiver) }
        let id = ConfigurationSubscriptions.makeID(), loop = request.eventLoop, subscriptions = facts.configurationSubscriptions
        // Held by the list of subscriptions once it is open, by its opening before that.
        var watch: ConfigurationWatch?
        watch = try configuration.watch(store: store, keys: target.parameters("key"), metadata: target.metadata) { failure in
            if let failure {
                watch = nil
                return request.fail(APIError(failure))
            }
            subscriptions.add(id, store: store, loop: loop) {
                watch?.end()
                watch = nil
            }
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("id", id)
            writer.endObject()
            request.respond(json: writer.bytes)
        } changed: { items in
            for item in items {
                var writer = JSONWriter()
                writer.beginObject()
                writer.member("id", id)
                writer.name("items")
                write([item], &writer)
                writer.endObject()
                receiver.receive(ConfigurationChange(store: store, key: item.key, body: writer.bytes), on: loop)
            }
        } ended: {
            subscriptions.remove(id, store: store)
            watch = nil
        }
    }

    private func unsubscribe(_ request: HTTPRequest, _ id: String, _ store: String) throws(ConfigurationFailure) {
        let held = NIOLoopBound(request, eventLoop: request.eventLoop)
        try unsubscribe(id, store: store, loop: request.eventLoop) { problem in
            var writer = JSONWriter()
            writer.beginObject()
            if let problem {
                writer.member("message", problem)
            } else {
                writer.name("ok")
                writer.bool(true)
            }
            writer.endObject()
            held.value.respond(json: writer.bytes, status: problem == nil ? 200 : 500)
        }
    }

    private func set(_ request: HTTPRequest, _ target: RequestTarget, _ store: String) throws(ConfigurationFailure) {
        let items: [ConfigurationItem]
        switch request.withBody({ ConfigurationBody.items($0) }) {
        case .failure(let malformed): return request.failMalformed(malformed.cause)
        case .success(let found): items = found
        }
        try configuration.set(store: store, items, metadata: target.metadata, deadline: 0) { failure in
            if let failure { request.fail(APIError(failure)) } else { request.respondNoContent() }
        }
    }

    private func remove(_ request: HTTPRequest, _ target: RequestTarget, _ store: String) throws(ConfigurationFailure) {
        let keys = target.parameters("key")
        if keys.isEmpty { return request.failMalformed("name what to remove: ?key=…, as often as there are keys") }
        try configuration.remove(store: store, keys: keys, metadata: target.metadata, deadline: 0) { failure in
            if let failure { request.fail(APIError(failure)) } else { request.respondNoContent() }
        }
    }
}

/// `{key: {"value", "version", "metadata"}}`; what is empty is left out, but for the value.
private func write(_ items: [ConfigurationItem], _ writer: inout JSONWriter) {
    writer.beginObject()
    for item in items {
        let (value, metadata) = item.shown
        writer.name(item.key)
        writer.beginObject()
        writer.member("value", value)
        if !item.version.isEmpty { writer.member("version", item.version) }
        if !metadata.isEmpty {
            writer.name("metadata")
            writer.beginObject()
            for (name, value) in metadata { writer.member(name, value) }
            writer.endObject()
        }
        writer.endObject()
    }
    writer.endObject()
}

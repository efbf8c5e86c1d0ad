import DaprProtos
import NIOCore
import Transport

extension DaprAPI {
    func registerMetadata(_ router: GRPCRouter) {
        method(router, "GetMetadata", "metadata", "v1") { api, call, _ in api.getMetadata(call) }
        method(router, "SetMetadata", "metadata", "v1") { api, call, bytes in
            guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SetMetadataRequest.self) else { return }
            if !request.key.isEmpty { api.facts.setExtendedMetadata(request.key, request.value) }
            call.replyEmpty()
        }
        method(router, "Shutdown", "shutdown", "v1") { api, call, _ in
            call.replyEmpty()
            api.facts.shutdown(force: false)
        }
    }

    private func getMetadata(_ call: GRPCCall) {
        let held = NIOLoopBound(call, eventLoop: call.eventLoop)
        let loop = call.eventLoop
        let facts = self.facts
        facts.registeredComponents { components in
            loop.execute { held.value.reply(metadataMessage(facts, components)) }
        }
    }
}

extension RuntimeFacts {
    /// What clients keep here, and the version under its old name. Source: Dapr's `daprRuntimeVersion`.
    var shownMetadata: [String: String] { extendedMetadata.merging(["daprRuntimeVersion": version]) { $1 } }
}

private func metadataMessage(
    _ facts: any RuntimeFacts, _ components: [RegisteredComponent]
) -> Dapr_Proto_Runtime_V1_GetMetadataResponse {
    .with {
        $0.id = facts.identity.appID
        $0.runtimeVersion = facts.version
        $0.registeredComponents = components.map { component in
            .with {
                $0.name = component.name
                $0.type = component.type
                $0.version = component.version
                $0.capabilities = component.capabilities
            }
        }
        $0.extendedMetadata = facts.shownMetadata
        $0.subscriptions = facts.subscriptions.all.map { Dapr_Proto_Runtime_V1_PubsubSubscription($0) }
        $0.httpEndpoints = facts.httpEndpoints.map { name in .with { $0.name = name } }
        $0.actorRuntime = .with { $0.runtimeStatus = .disabled }
        if let app = facts.app {
            $0.appConnectionProperties = .with {
                $0.port = Int32(app.port)
                $0.protocol = app.protocol
                $0.channelAddress = app.channelAddress
                $0.maxConcurrency = Int32(clamping: app.maxConcurrency)
                guard let health = app.health else { return }
                $0.health = .with {
                    $0.healthCheckPath = health.path
                    $0.healthProbeInterval = health.interval.goText
                    $0.healthProbeTimeout = health.timeout.goText
                    $0.healthThreshold = Int32(clamping: health.threshold)
                }
            }
        }
    }
}

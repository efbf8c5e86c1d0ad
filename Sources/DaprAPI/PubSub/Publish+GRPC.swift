import BuildingBlocks
import DaprProtos
import Transport

extension DaprAPI {
    func registerPubSub(_ router: GRPCRouter) {
        method(router, "PublishEvent", "publish", "v1") { api, call, bytes in api.publishEvent(call, bytes) }
        method(router, "BulkPublishEvent", "publish", "v1") { api, call, bytes in api.bulkPublishEvent(call, bytes) }
        method(router, "BulkPublishEventAlpha1", "publish", "v1alpha1") { api, call, bytes in api.bulkPublishEvent(call, bytes) }
        if facts.apiRules.permits("subscribe", "v1alpha1", wire: "grpc") {
            router.stream(DaprAPI.service + "SubscribeTopicEventsAlpha1") { [self] call in SubscriptionStream(self, call) }
        }
    }

    private func publication(_ call: GRPCCall, _ pubsub: String, _ topic: String, _ type: String, _ metadata: [String: String]) -> Publication {
        var publication = Publication(
            pubsub: pubsub, topic: topic, contentType: type, metadata: metadata.map { ($0.key, $0.value) })
        (publication.traceParent, publication.traceState) = call.trace
        call.activity?.live?.note(topic: topic)
        return publication
    }

    private func publishEvent(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_PublishEventRequest.self) else { return }
        do throws(PubSubFailure) {
            let publication = publication(
                call, request.pubsubName, request.topic, request.dataContentType, request.metadata)
            let reply = PublishReply(call, publication, appID: appID)
            let result = request.data.withUnsafeBytes { data in
                Result { () throws(PubSubFailure) in
                    _ = try pubsub.publish(publication, data: data, deadline: call.deadlineNanoseconds, waiter: reply)
                }
            }
            try result.get()
        } catch {
            call.fail(APIError(error, appID: appID))
        }
    }

    private func bulkPublishEvent(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_BulkPublishRequest.self) else { return }
        let entries = request.entries.map {
            BulkEntry(id: $0.entryID, data: $0.event, contentType: $0.contentType, metadata: $0.metadata.map { ($0.key, $0.value) })
        }
        do throws(PubSubFailure) {
            let publication = publication(call, request.pubsubName, request.topic, "", request.metadata)
            try pubsub.publish(entries, publication, deadline: call.deadlineNanoseconds) { [appID] result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure, appID: appID))
                case .success(let failed):
                    call.reply(
                        Dapr_Proto_Runtime_V1_BulkPublishResponse.with {
                            $0.failedEntries = failed.map { entry in .with { $0.entryID = entry.id; $0.error = entry.cause } }
                        })
                }
            }
        } catch {
            call.fail(APIError(error, appID: appID))
        }
    }
}

private final class PublishReply: PublishWaiter {
    private let call: GRPCCall
    private let appID: String

    init(_ call: GRPCCall, _ publication: Publication, appID: String) {
        self.call = call
        self.appID = appID
        super.init(publication.pubsub, publication.topic)
    }

    override func ended(_ failure: PubSubFailure?) {
        if let failure { call.fail(APIError(failure, appID: appID)) } else { call.replyEmpty() }
    }
}

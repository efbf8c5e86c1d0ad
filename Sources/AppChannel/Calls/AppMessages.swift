import BuildingBlocks
import DaprProtos
import JSONText

extension Dapr_Proto_Runtime_V1_TopicEventBulkRequest {
    init(_ batch: AppTopicBatch) {
        self.init()
        id = batch.id
        topic = batch.topic
        pubsubName = batch.pubsubName
        path = batch.path
        type = "com.dapr.event.sent.bulk"
        metadata = Dictionary(batch.metadata, uniquingKeysWith: { $1 })
        entries = batch.entries.map { entry in
            .with {
                $0.entryID = entry.entryID
                $0.contentType = entry.event.contentType
                $0.metadata = Dictionary(entry.event.metadata, uniquingKeysWith: { $1 })
                guard !entry.isRaw else {
                    $0.event = .bytes(entry.event.data)
                    return
                }
                $0.event = .cloudEvent(
                    .with {
                        $0.id = entry.event.id
                        $0.source = entry.event.source
                        $0.type = entry.event.type
                        $0.specVersion = entry.event.specVersion
                        $0.dataContentType = entry.event.dataContentType
                        $0.data = entry.event.data
                        if !entry.event.extensions.isEmpty { $0.extensions = .init(entry.event.extensions) }
                    })
            }
        }
    }
}

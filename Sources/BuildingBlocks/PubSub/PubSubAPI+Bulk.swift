import COctavo
package import Components

/// One of the messages of a bulk request.
package struct BulkEntry {
    /// The publisher's own name for it, unique within the request.
    package var id: String
    package var data: [UInt8]
    package var contentType: String
    package var metadata: [(String, String)]

    package init(id: String, data: [UInt8], contentType: String, metadata: [(String, String)]) {
        self.id = id
        self.data = data
        self.contentType = contentType
        self.metadata = metadata
    }
}

/// An entry that was not published.
package struct FailedEntry: Sendable {
    package var id: String
    package var cause: String
}

extension PubSubAPI {
    /// Entries of one request that are published at a time where the component takes one message a call.
    static let bulkParallelism = 64
    /// Bytes of all entries; more would hold the loop up.
    static let bulkLimit = 64 << 20

    /// Publishes each entry. `done` is called once with those that were not published; not when this throws.
    package func publish(
        _ entries: [BulkEntry], _ publication: Publication, deadline: Int64,
        done: @escaping (Result<[FailedEntry], PubSubFailure>) -> Void
    ) throws(PubSubFailure) {
        let component = try target(publication.pubsub, publication.topic)
        var known: Set<String> = []
        for entry in entries {
            guard !entry.id.isEmpty else {
                throw .badEntries(pubsub: publication.pubsub, cause: "an entry has no entryId; give each one of its own")
            }
            guard known.insert(entry.id).inserted else {
                throw .badEntries(pubsub: publication.pubsub, cause: "entryId \(entry.id) is there twice; give each entry one of its own")
            }
        }
        guard !entries.isEmpty else { return done(.success([])) }
        var messages: [(options: PublishOptions, data: [UInt8])] = []
        var size = 0
        for entry in entries {
            let metadata = BulkTask.merged(publication.metadata, entry.metadata)
            let options = try PublishOptions(metadata, pubsub: publication.pubsub)
            var single = publication
            single.contentType = entry.contentType
            single.metadata = metadata
            let data = options.isRaw ? entry.data : try envelope(single, component, options, entry.data)
            size += data.count
            guard size <= Self.bulkLimit else {
                throw .badEntries(pubsub: publication.pubsub, cause: "the entries take more than \(Self.bulkLimit) bytes; send them in parts")
            }
            messages.append((options, data))
        }
        BulkTask(self, component, publication, entries, messages, deadline, done).start()
    }
}

/// A bulk request that is under way: one call if the component takes many messages in one, else one for each. On its loop.
private final class BulkTask {
    private let api: PubSubAPI
    private let component: PubSubComponent
    private let publication: Publication
    private let entries: [BulkEntry]
    private let messages: [(options: PublishOptions, data: [UInt8])]
    private let deadline: Int64
    private let done: (Result<[FailedEntry], PubSubFailure>) -> Void
    private var next = 0
    private var underWay = 0
    private var failed: [FailedEntry] = []
    private var isStarting = false

    init(
        _ api: PubSubAPI, _ component: PubSubComponent, _ publication: Publication, _ entries: [BulkEntry],
        _ messages: [(options: PublishOptions, data: [UInt8])], _ deadline: Int64,
        _ done: @escaping (Result<[FailedEntry], PubSubFailure>) -> Void
    ) {
        self.api = api
        self.component = component
        self.publication = publication
        self.entries = entries
        self.messages = messages
        self.deadline = deadline
        self.done = done
    }

    func start() {
        if component.has(UInt64(OCTAVO_PUBSUB_BULK_PUBLISH)), Set(messages.map(\.options.isRaw)).count == 1 {
            publishTogether()
        } else {
            publishSome()
        }
    }

    /// Metadata of the request, and of the entry before that.
    static func merged(_ all: [(String, String)], _ own: [(String, String)]) -> [(String, String)] {
        own.isEmpty ? all : own + all.filter { one in !own.contains { $0.0 == one.0 } }
    }

    private func publishSome() {
        // Calls may end before `submit` returns.
        guard !isStarting else { return }
        isStarting = true
        while next < entries.count, underWay < PubSubAPI.bulkParallelism {
            let index = next
            next += 1
            underWay += 1
            var single = publication
            single.contentType = entries[index].contentType
            single.metadata = Self.merged(publication.metadata, entries[index].metadata)
            let waiter = PublishCallback(publication.pubsub, publication.topic) { [self] failure in
                underWay -= 1
                if case .component(_, _, let error)? = failure {
                    failed.append(FailedEntry(id: entries[index].id, cause: error.message))
                }
                publishSome()
            }
            messages[index].data.withUnsafeBytes {
                _ = api.submit(component, single, $0, messages[index].options, deadline, waiter)
            }
        }
        isStarting = false
        if next == entries.count, underWay == 0 {
            next += 1 // said once
            done(.success(failed))
        }
    }

    private func publishTogether() {
        let isRaw = messages[0].options.isRaw
        let extra = entries.reduce(0) { sum, entry in
            entry.metadata.reduce(sum + entry.id.utf8.count + entry.contentType.utf8.count + 64) {
                $0 + $1.0.utf8.count + $1.1.utf8.count + 40
            }
        }
        let metadata = publication.metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        let size = messages.reduce(0) { $0 + $1.data.count } + entries.count * MemoryLayout<octavo_pubsub_entry>.stride
        guard
            var slot = component.ref.open(
                OCTAVO_PUBSUB_OP_BULK_PUBLISH, octavo_pubsub_bulk_publish_request.self,
                bytes: size + extra + metadata + publication.topic.utf8.count + 64, deadline: deadline, waiter: Together(self))
        else { return }
        let request = slot.request
        let (list, raw) = slot.list(of: octavo_pubsub_entry.self, count: entries.count)
        for (index, entry) in entries.enumerated() {
            list[index].id = slot.text(entry.id)
            list[index].data = messages[index].data.withUnsafeBytes { slot.bytes($0) }
            list[index].content_type = slot.text(isRaw ? entry.contentType : "application/cloudevents+json")
            list[index].ttl_ns = component.has(UInt64(OCTAVO_PUBSUB_MESSAGE_TTL)) ? messages[index].options.ttlNanoseconds : 0
            if !entry.metadata.isEmpty { list[index].metadata = slot.pairs(entry.metadata) }
        }
        request.pointee.entries = raw
        request.pointee.topic = slot.text(publication.topic)
        request.pointee.flags = isRaw ? UInt32(OCTAVO_PUBLISH_RAW) : 0
        if !publication.metadata.isEmpty { request.pointee.head.metadata = slot.pairs(publication.metadata) }
        slot.submit()
    }

    private final class Together: CallWaiter {
        let task: BulkTask
        init(_ task: BulkTask) { self.task = task }

        override func completed(_ reply: UnsafeRawPointer?) {
            let results = reply?.loadUnaligned(as: octavo_pubsub_bulk_publish_reply.self).results
                .elements(as: octavo_pubsub_entry_result.self) ?? []
            task.done(
                .success(
                    results.compactMap { result in
                        result.error.code == 0 ? nil : FailedEntry(id: String(result.id), cause: String(result.error.message))
                    }))
        }

        override func failed(_ error: CallError) {
            task.done(.failure(.component(pubsub: task.publication.pubsub, topic: task.publication.topic, error: error)))
        }
    }
}

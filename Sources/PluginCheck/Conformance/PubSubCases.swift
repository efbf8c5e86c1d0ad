import COctavo

/// What every broker must do, wherever its messages are.
package enum PubSubCases {
    package static let all: [ConformanceCase] = [
        delivered, groups, shared, acknowledged, again, unsettled, window, ended, order, bulk, many,
    ]

    private static func next(_ listener: PubSubListener, _ what: String) throws -> PubSubListener.Message {
        try require(listener.next(), "\(what) was not delivered within 5 s.")
    }

    static let delivered = ConformanceCase(
        "a message is delivered as it was published", section: "pubsub.h: publish, octavo_pubsub_message"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listener = try instance.subscribe(topic, group: "g", window: 16)
        let messages: [([UInt8], String)] = [
            (Array("hello".utf8), "text/plain"), ([], "text/plain"), ([0, 255, 10, 13, 0], "application/octet-stream"),
            (Array("ä€😀".utf8), "text/plain; charset=utf-8"), ([UInt8](repeating: 120, count: 100_000), "application/octet-stream"),
        ]
        for (data, type) in messages {
            try broker.publish(data, to: topic, contentType: type)
            let came = try next(listener, "A message of \(data.count) bytes")
            try require(came.data == data, "Published were \(shown(data)), delivered \(shown(came.data)).")
            try require(came.topic == topic, "A message of the topic \(topic) was delivered as one of \(came.topic).")
            came.acknowledge()
        }
        listener.end()
    }

    static let groups = ConformanceCase("every group gets every message", section: "pubsub.h: group") { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listeners = try ["a", "b", "c"].map { try instance.subscribe(topic, group: $0, window: 16) }
        for number in 0..<10 { try broker.publish("\(number)", to: topic) }
        for (place, listener) in listeners.enumerated() {
            var came: Set<String> = []
            for _ in 0..<10 {
                let message = try next(listener, "A message to group \(place + 1) of 3")
                came.insert(message.text)
                message.acknowledge()
            }
            try require(came.count == 10, "Of 10 messages group \(place + 1) of 3 got \(came.count), some of them twice.")
        }
        for listener in listeners { listener.end() }
    }

    static let shared = ConformanceCase(
        "consumers of one group share the messages", section: "pubsub.h: group"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listeners = try (0..<2).map { _ in try instance.subscribe(topic, group: "g", window: 4) }
        for number in 0..<40 { try broker.publish("\(number)", to: topic) }
        var came: [String] = []
        _ = within(seconds: 10) {
            for listener in listeners {
                while let message = listener.next(seconds: 0) {
                    came.append(message.text)
                    message.acknowledge()
                }
            }
            return Set(came).count == 40
        }
        try require(Set(came).count == 40, "Of 40 messages two consumers of a group got \(Set(came).count).")
        try require(came.count == 40, "40 messages were delivered \(came.count) times to a group that acknowledged each.")
        for listener in listeners { listener.end() }
    }

    static let acknowledged = ConformanceCase(
        "a message that was acknowledged does not come again", section: "octavo_stream.h: OCTAVO_SETTLE_ACK"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let first = try instance.subscribe(topic, group: "g", window: 16)
        for number in 0..<5 { try broker.publish("\(number)", to: topic) }
        for number in 0..<5 { try next(first, "Message \(number + 1) of 5").acknowledge() }
        first.end()
        let second = try instance.subscribe(topic, group: "g", window: 16)
        try broker.publish("marker", to: topic)
        let message = try next(second, "A message after the end of another consumer")
        try require(message.text == "marker", "The message \(shown(message.data)) came again after it had been acknowledged.")
        message.acknowledge()
        second.end()
    }

    static let again = ConformanceCase(
        "a message that was refused comes again", section: "octavo_stream.h: OCTAVO_SETTLE_RETRY"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listener = try instance.subscribe(topic, group: "g", window: 16)
        try broker.publish("once more", to: topic)
        for round in 1...3 {
            let message = try next(listener, round == 1 ? "A message" : "A message that was settled with RETRY")
            try require(message.text == "once more", "Published was \"once more\", delivered \(shown(message.data)).")
            if round < 3 { message.retry() } else { message.acknowledge() }
        }
        listener.end()
    }

    static let unsettled = ConformanceCase(
        "what a consumer has not settled goes to another of its group", section: "pubsub.h: unsubscribe"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let second = try instance.subscribe(topic, group: "g", window: 1)
        let first = try instance.subscribe(topic, group: "g", window: 16)
        let sent = Set((0..<8).map { "\($0)" })
        for text in sent.sorted() { try broker.publish(text, to: topic) }
        // Whichever it is of, the first leaves with what it was given.
        _ = within(seconds: 1) { first.count > 0 }
        first.end()
        var came: Set<String> = []
        while came != sent {
            let message = try next(second, "One of \(sent.count - came.count) messages that another consumer had not settled")
            came.insert(message.text)
            message.acknowledge()
        }
        second.end()
    }

    static let window = ConformanceCase(
        "no more messages are delivered than there is credit", section: "octavo_stream.h: credit"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listener = try instance.subscribe(topic, group: "g", window: 2)
        for number in 0..<12 { try broker.publish("\(number)", to: topic) }
        for number in 0..<12 {
            let message = try next(listener, "Message \(number + 1) of 12")
            try require(
                listener.count <= number + 2, "With credit for 2 messages and \(number) settled, \(listener.count) were delivered.")
            message.acknowledge()
        }
        listener.end()
    }

    static let ended = ConformanceCase(
        "nothing is delivered after the end", section: "pubsub.h: unsubscribe"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let first = try instance.subscribe(topic, group: "a", window: 16)
        let second = try instance.subscribe(topic, group: "b", window: 16)
        try broker.publish("1", to: topic)
        try next(first, "A message").acknowledge()
        try next(second, "A message").acknowledge()
        first.end()
        let count = first.count
        for number in 0..<5 {
            try broker.publish("\(number)", to: topic)
            try next(second, "A message after the end of another subscription").acknowledge()
        }
        try require(first.count == count, "\(first.count - count) messages were delivered after unsubscribe was completed.")
        second.end()
    }

    static let order = ConformanceCase(
        "one consumer gets the messages in their order", needs: UInt64(OCTAVO_PUBSUB_ORDERING),
        section: "pubsub.h: OCTAVO_PUBSUB_ORDERING"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listener = try instance.subscribe(topic, group: "g", window: 8)
        for number in 0..<50 { try broker.publish("\(number)", to: topic) }
        for number in 0..<50 {
            let message = try next(listener, "Message \(number + 1) of 50")
            try require(message.text == "\(number)", "Message \(number) was expected, \(shown(message.data)) came.")
            message.acknowledge()
        }
        listener.end()
    }

    static let bulk = ConformanceCase(
        "of many messages at once each has its result and is delivered", needs: UInt64(OCTAVO_PUBSUB_BULK_PUBLISH),
        section: "pubsub.h: octavo_pubsub_bulk_publish_reply"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listener = try instance.subscribe(topic, group: "g", window: 128)
        let entries = (0..<100).map { (id: "id \($0)", text: "m \($0)") }
        let results = try broker.bulkPublish(entries, to: topic)
        try require(
            results.map(\.id) == entries.map(\.id), "The results of 100 entries are not 100 in their order; there are \(results.count).")
        try require(results.allSatisfy(\.isPublished), "Some of 100 entries were not published.")
        var came: Set<String> = []
        for number in 0..<100 {
            let message = try next(listener, "Message \(number + 1) of 100")
            came.insert(message.text)
            message.acknowledge()
        }
        try require(came == Set(entries.map(\.text)), "Of 100 messages \(came.count) were delivered, others twice.")
        listener.end()
    }

    static let many = ConformanceCase(
        "whatever many publish at once is delivered", section: "pubsub.h: publish"
    ) { instance, scope in
        let broker = PubSubCalls(instance), topic = scope + "t"
        let listeners = try (0..<2).map { _ in try instance.subscribe(topic, group: "g", window: 32) }
        try inThreads(4) { thread in
            for round in 0..<50 { try broker.publish("\(thread) \(round)", to: topic) }
        }
        var came: Set<String> = []
        _ = within(seconds: 10) {
            for listener in listeners {
                while let message = listener.next(seconds: 0) {
                    came.insert(message.text)
                    message.acknowledge()
                }
            }
            return came.count == 200
        }
        try require(came.count == 200, "Of 200 messages that four threads published \(came.count) were delivered.")
        for listener in listeners { listener.end() }
    }
}

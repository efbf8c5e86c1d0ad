package import Components
package import Logging

/// What the app hears of without a stream, on one event loop: topics that resources and the app itself name. They are open
/// while the app is up; what was not answered when it went down comes again, here or to another instance of the app.
package final class AppSubscriptions: AppObserver, AppDeliveries {
    /// Every loop has its part of the topics.
    package struct Share: Sendable {
        let index: Int
        let count: Int

        package init(index: Int, count: Int) {
            self.index = index
            self.count = count
        }
    }

    private let api: PubSubAPI
    private let app: any AppClient
    private let form: AppReceiver.Form
    private let share: Share
    private var declared: [SubscriptionDefinition]
    /// What the app has said of itself since it came up.
    private var discovery: AppDiscovery?
    /// They give the app nothing more, and wait for its last answers.
    private var leaving: [AppReceiver] = []
    private let directory: SubscriptionDirectory
    private let logger: Logger
    /// In the order in which they were named.
    private var wanted: [SubscriptionDefinition] = []
    private var open: [SubscriptionKey: AppReceiver] = [:]
    private var isUp = false
    private var isEnded = false

    /// Begins. `declared`: of resources, in their order. The first loop tells `directory`.
    package init(
        _ api: PubSubAPI, _ app: any AppClient, isGRPC: Bool, declared: [SubscriptionDefinition], share: Share,
        directory: SubscriptionDirectory, logger: Logger
    ) {
        self.api = api
        self.app = app
        form = isGRPC ? .parts : .envelope
        self.declared = declared
        self.share = share
        self.directory = directory
        self.logger = logger
        directory.setApp(SubscriptionDefinition.merged(declared: declared, programmatic: []).all, round: -1)
        api.loop.observeInstallations { [weak self] in self?.installed($0) }
        app.observe(self)
    }

    package func drain(_ done: @escaping () -> Void) {
        isEnded = true
        for key in open.keys { directory.record(key)?.become(.stopped(cause: "the runtime is stopping")) }
        var waiting = open.count
        guard waiting > 0 else { return done() }
        for receiver in open.values {
            receiver.drain {
                waiting -= 1
                if waiting == 0 { done() }
            }
        }
    }

    package func end() {
        isEnded = true
        app.ignore(self)
        closeAll()
    }

    /// The subscriptions of resources are these from now on. What stays as it was is not touched.
    package func setDeclared(_ definitions: [SubscriptionDefinition]) {
        declared = definitions
        if let discovery { arrange(discovery) }
    }

    // MARK: The app

    package func appChanged(_ condition: AppCondition) {
        isUp = condition.isUp
        guard !isUp else { return }
        // It is asked about itself again before anything is delivered to it: it may be another version.
        discovery = nil
        let cause = "the app is not up: \(condition.reason ?? "the runtime knows no app")"
        if !isEnded {
            for definition in wanted { directory.record(definition.key)?.become(.paused(cause: cause)) }
            if share.index == 0 { directory.pauseWaiting(cause) }
        }
        closeAll()
    }

    package func appDiscovered(_ discovery: AppDiscovery) {
        guard isUp, !isEnded else { return }
        self.discovery = discovery
        arrange(discovery)
    }

    private func arrange(_ discovery: AppDiscovery) {
        guard isUp, !isEnded else { return }
        let (all, doubled) = SubscriptionDefinition.merged(
            declared: declared, programmatic: discovery.subscriptions.map { SubscriptionDefinition($0) })
        directory.setApp(all, round: discovery.round)
        if share.index == 0 {
            for key in doubled {
                logger.warning(
                    "a topic is subscribed to by a resource and by the app; the resource counts",
                    metadata: ["pubsub": "\(key.pubsub)", "topic": "\(key.topic)"])
            }
        }
        wanted = all.map(\.definition).filter { directory.loop(of: $0.key, among: share.count) == share.index }
        for (key, receiver) in open where !wanted.contains(receiver.definition) {
            open[key] = nil
            leave(receiver)
        }
        for definition in wanted where open[definition.key] == nil { subscribe(definition) }
    }

    /// What the app is about to answer still counts.
    private func leave(_ receiver: AppReceiver) {
        leaving.append(receiver)
        receiver.drain { [weak self] in
            receiver.end()
            self?.leaving.removeAll { $0 === receiver }
        }
    }

    private func closeAll() {
        for receiver in Array(open.values) + leaving { receiver.end() }
        open = [:]
        leaving = []
        wanted = []
    }

    // MARK: Components

    /// What waits for the component is opened.
    private func installed(_ component: ComponentRef) {
        guard !isEnded else { return }
        for definition in wanted where definition.pubsub == component.name && open[definition.key] == nil {
            subscribe(definition)
        }
    }

    private func subscribe(_ definition: SubscriptionDefinition) {
        var details: Logger.Metadata = ["pubsub": "\(definition.pubsub)", "topic": "\(definition.topic)"]
        // What the app has said later does not name it: that comes to this loop, too.
        guard let record = directory.record(definition.key) else { return }
        do {
            let receiver = try AppReceiver(api, app, definition, form, policy: directory.policies.policy(forPubSub: definition.pubsub), record: record, suspects: directory.suspects) { [weak self, weak api] receiver, state in
                guard let self, api != nil else { return }
                changed(receiver, state)
            }
            open[definition.key] = receiver
        } catch let failure as PubSubFailure {
            details["cause"] = "\(failure.cause)"
            switch failure {
            case .notConfigured, .notFound:
                record.become(.retrying(cause: "\(failure.cause)"))
                logger.warning("a subscription waits for its component", metadata: details)
            default:
                record.become(.stopped(cause: "\(failure.cause)"))
                logger.error("a topic is not subscribed to", metadata: details)
            }
        } catch {
            details["cause"] = "\(error)"
            record.become(.stopped(cause: "\(error)"))
            logger.error("a topic is not subscribed to", metadata: details)
        }
    }

    private func changed(_ receiver: AppReceiver, _ state: SubscriptionState) {
        let definition = receiver.definition
        let details: Logger.Metadata = ["pubsub": "\(definition.pubsub)", "topic": "\(definition.topic)"]
        switch state {
        case .waiting: break
        case .open: logger.info("subscribed", metadata: details)
        case .failed(let cause, let again):
            logger.warning(
                "a topic can't be subscribed to; trying again",
                metadata: details.merging(["cause": "\(cause)", "again-in": "\(again)"]) { $1 })
        case .ended:
            // Its component was removed: it waits for one of that name.
            if open[definition.key] === receiver {
                open[definition.key] = nil
                directory.record(definition.key)?.become(.retrying(cause: "its component \(definition.pubsub) was removed"))
            }
        }
    }
}

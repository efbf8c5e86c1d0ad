import AdminAPI
import BuildingBlocks
import Components
import Logging
import Resources

/// What the resource files name, and what runs of it: reads them at the start and again when they have changed, and
/// takes in what is different. What is wrong is refused and said, and what was there before stays.
actor LiveResources {
    private let options: RuntimeOptions
    private let configuration: ResourceReading.Configuration
    private let store: ComponentStore
    private let logger: Logger
    /// Told of the subscriptions of resources whenever they are others.
    private let policies: @Sendable (PolicySet) -> Void
    /// Told of the servers that are no apps.
    private let endpoints: @Sendable ([EndpointDefinition]) async -> Void
    private let subscribed: @Sendable ([SubscriptionResource]) async -> Void

    /// What was taken in, by name.
    private var components: [String: ComponentResource] = [:]
    private var subscriptions: [SubscriptionResource] = []
    /// What is wrong with the files, and what was refused: by what it is about.
    private(set) var problems: [String: String] = [:]
    /// Changes that a later try may take in.
    private var passing: Set<String> = []
    private var retry: Task<Void, Never>?
    private var pause = Duration.milliseconds(500)
    private var isBusy = false
    /// Components that are just being given other settings.
    private var replacing: [String: (number: Int, resource: ComponentResource, task: Task<Replaced, Never>)] = [:]
    private var lastReplacement = 0
    private var isEnded = false
    /// How long the present reading waits for components that start with other settings.
    private var patience = LiveResources.shortPatience

    private enum Replaced: Sendable {
        case done
        case created
        case refused(String)
        /// Something else has been wanted since.
        case overtaken
    }
    private var waiters: [CheckedContinuation<Void, Never>] = []

    private static let longestPause = Duration.seconds(30)
    /// How long an operator who asks for a reload waits for new components to be ready.
    private static let startPatience = Duration.seconds(10)
    private static let shortPatience = Duration.seconds(1)

    init(
        _ options: RuntimeOptions, _ configuration: ResourceReading.Configuration, _ store: ComponentStore,
        logger: Logger, policies: @escaping @Sendable (PolicySet) -> Void,
        endpoints: @escaping @Sendable ([EndpointDefinition]) async -> Void,
        subscribed: @escaping @Sendable ([SubscriptionResource]) async -> Void
    ) {
        self.options = options
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.policies = policies
        self.endpoints = endpoints
        self.subscribed = subscribed
    }

    // MARK: Start

    /// Reads the files for the first time. Gives errors of components that must not be wrong.
    func begin() async -> [String] {
        await turn()
        defer { endTurn() }
        var fatal: [String] = []
        guard !options.resourcePaths.isEmpty else {
            await subscribed([])
            for (_, error) in await store.add(ResourceReading.embedded) { logger.error("a component was refused", metadata: ["cause": "\(error)"]) }
            return []
        }
        let read = ResourceReading.resources(options, configuration)
        ResourceReading.tell(read.diagnostics, logger)
        note(read.diagnostics)
        for one in read.components { components[one.resource.name] = one.resource }
        subscriptions = read.subscriptions
        policies(read.policies)
        await endpoints(read.endpoints)
        await subscribed(subscriptions)
        for (definition, error) in await store.add(read.components.map(\.definition)) {
            logger.error("a component was refused", metadata: ["cause": "\(error)"])
            if definition.ignoreErrors == false { fatal.append(error.description) }
        }
        return fatal
    }

    /// Takes changes in as they come, for as long as the runtime runs.
    func follow() async {
        guard configuration.followsResources, !options.resourcePaths.isEmpty,
            let watch = ResourceWatch(paths: options.resourcePaths, logger: logger)
        else { return }
        logger.info("resource files are watched", metadata: ["paths": "\(options.resourcePaths.joined(separator: ", "))"])
        for await _ in watch.changes { _ = await reload() }
    }

    // MARK: Changes

    /// Reads the files again and takes in what is different from what runs. `waits`: until what is new has started.
    func reload(waits: Bool = false) async -> ResourcesChange {
        await turn()
        defer { endTurn() }
        let start = ContinuousClock.now
        patience = waits ? Self.startPatience : Self.shortPatience
        var change = ResourcesChange()
        if isEnded { return change }
        guard !options.resourcePaths.isEmpty else {
            change.notes = ["The runtime was started without --resources-path; there are no files to read."]
            return change
        }
        let preferred = Dictionary(
            components.values.map { ($0.header.label, $0.header.source.file) }, uniquingKeysWith: { one, _ in one })
        let read = await Self.read(options, configuration, preferred)
        tellNew(read.diagnostics)
        let wrong = Wrong(read.diagnostics)
        var steps = Steps(from: components, to: read.components, keeping: wrong)
        // What was added under a name that another kind of component had is another component.
        steps.splitOtherKinds()
        passing = []
        // For subscriptions that begin from now on.
        policies(read.policies)
        // One that is wrong now stays as it was.
        if !read.diagnostics.contains(where: { $0.severity == .error && $0.resource?.hasPrefix("HTTPEndpoint") != false }) {
            await endpoints(read.endpoints)
        }
        await take(steps, &change)
        await takeSubscriptions(read.subscriptions, keeping: wrong, &change)
        note(read.diagnostics, refused: change.refused)
        if waits {
            for (component, reason) in await store.settled(change.created, within: Self.startPatience) {
                change.refused.append(.init(resource: "Component \"\(component)\"", cause: "it does not start: \(reason)"))
            }
        }
        for (subject, cause) in wrong.texts where !change.refused.contains(where: { $0.resource == subject }) {
            change.refused.append(.init(resource: subject, cause: cause))
        }
        change.durationNanoseconds = Int64((ContinuousClock.now - start) / .nanoseconds(1))
        if !change.isEmpty {
            logger.info(
                "resources were read again",
                metadata: [
                    "created": "\(change.created.joined(separator: ", "))", "updated": "\(change.updated.joined(separator: ", "))",
                    "deleted": "\(change.deleted.joined(separator: ", "))", "refused": "\(change.refused.count)",
                ])
        }
        tryAgainLater()
        return change
    }

    private nonisolated static func read(
        _ options: RuntimeOptions, _ configuration: ResourceReading.Configuration, _ preferred: [String: String]
    ) async -> ResourceReading.Read {
        let deadline = ContinuousClock.now + settlingLimit
        while true {
            let read = await Task.detached {
                let start = ResourceLoader.now
                let read = ResourceReading.resources(options, configuration, preferred: preferred)
                // Of a file that somebody is just writing anew there may be nothing, or half.
                return ResourceLoader.isQuiet(paths: options.resourcePaths, for: settling, before: start) ? read : nil
            }.value
            if let read { return read }
            if ContinuousClock.now > deadline {
                return await Task.detached { ResourceReading.resources(options, configuration, preferred: preferred) }.value
            }
            try? await Task.sleep(for: settling)
        }
    }

    /// Files that were written so lately are read again a moment later.
    private static let settling = Duration.milliseconds(100)
    private static let settlingLimit = Duration.seconds(5)

    /// Secret stores come first and go last, so that whoever refers to one finds it.
    private func take(_ steps: Steps, _ change: inout ResourcesChange) async {
        await delete(steps.deleted.filter { !$0.isSecretStore }, &change)
        await update(steps.updated.filter(\.resource.isSecretStore), &change)
        await create(steps.created.filter(\.resource.isSecretStore), &change)
        let renewed = Set(change.updated)
        var others = steps.updated.filter { !$0.resource.isSecretStore }
        // What was read from a secret store may be another secret now.
        others += steps.unchanged.filter {
            // It is as it was before a change that is still under way.
            if replacing[$0.resource.name] != nil { return true }
            return !$0.resource.isSecretStore && $0.resource.needsSecrets && renewed.contains($0.resource.secretStore ?? "")
        }
        await update(others, &change)
        await create(steps.created.filter { !$0.resource.isSecretStore }, &change)
        await delete(steps.deleted.filter(\.isSecretStore), &change)
        for one in steps.unchanged where replacing[one.resource.name] == nil { await settle(one) }
    }

    /// Settings as before; the place in the files may be another.
    private func settle(_ one: ResourceReading.Read.Component) async {
        let name = one.resource.name
        if components[name]?.header.source != one.resource.header.source || components[name] != one.resource {
            var definition = one.definition
            definition.isLate = true
            do throws(StoreError) {
                try await store.adopt(definition)
            } catch {
                logger.error("a component's plugin does not move", metadata: ["component": "\(name)", "cause": "\(error)"])
            }
        }
        components[name] = one.resource
        await store.note(refusal: nil, of: name)
    }

    private func delete(_ gone: [ComponentResource], _ change: inout ResourcesChange) async {
        for one in gone {
            components[one.name] = nil
            replacing[one.name] = nil
            do throws(StoreError) {
                try await store.remove(one.name, waits: false)
                logger.info("component removed", metadata: ["component": "\(one.name)", "type": "\(one.type)"])
            } catch {}
            change.deleted.append(one.name)
            if one.isolation != nil { await moveIsolation(one) }
        }
    }

    private func moveIsolation(_ one: ComponentResource) async {
        do throws(StoreError) {
            try await store.moveIsolation(of: one.type)
        } catch {
            logger.error("a component's plugin does not move", metadata: ["component": "\(one.name)", "cause": "\(error)"])
        }
    }

    private func create(_ new: [ResourceReading.Read.Component], _ change: inout ResourcesChange) async {
        guard !new.isEmpty else { return }
        var definitions = new.map(\.definition)
        for index in definitions.indices { definitions[index].isLate = true }
        let refused = await store.add(definitions)
        for (definition, error) in refused {
            refuse(definition.name, "\(error)", isPassing: true, &change)
        }
        for one in new where !refused.contains(where: { $0.definition.name == one.resource.name }) {
            components[one.resource.name] = one.resource
            change.created.append(one.resource.name)
            logger.info(
                "component added",
                metadata: ["component": "\(one.resource.name)", "type": "\(one.resource.type)", "source": "\(one.resource.header.source)"])
            if one.resource.isolation != nil { await moveIsolation(one.resource) }
        }
    }

    /// Side by side, and none is waited for longer than `patience`: one that starts slowly holds up no other.
    private func update(_ changed: [ResourceReading.Read.Component], _ change: inout ResourcesChange) async {
        let begun = changed.map { one in
            let isKnown = replacing[one.resource.name]?.resource == one.resource
            return (name: one.resource.name, isKnown: isKnown, task: replacement(by: one))
        }
        let now = ContinuousClock.now
        for (name, isKnown, task) in begun {
            // What an earlier reading began has had its time.
            let deadline = now + (isKnown && patience == Self.shortPatience ? .zero : patience)
            guard let outcome = await Self.value(of: task, by: deadline) else {
                change.notes.append("The component \(name) is still starting with its new settings.")
                continue
            }
            switch outcome {
            case .done: change.updated.append(name)
            case .created: change.created.append(name)
            case .refused(let cause): change.refused.append(.init(resource: "Component \"\(name)\"", cause: cause))
            case .overtaken: break
            }
        }
    }

    private func replacement(by one: ResourceReading.Read.Component) -> Task<Replaced, Never> {
        let name = one.resource.name
        let before = replacing[name]
        // It is on its way already.
        if let before, before.resource == one.resource { return before.task }
        lastReplacement += 1
        let number = lastReplacement
        var definition = one.definition
        definition.isLate = true
        let task = Task { [store, definition] () -> Replaced in
            _ = await before?.task.value
            do throws(StoreError) {
                try await store.replace(definition)
                return await self.ended(number, one, nil)
            } catch {
                return await self.ended(number, one, error)
            }
        }
        replacing[name] = (number, one.resource, task)
        return task
    }

    private func ended(_ number: Int, _ one: ResourceReading.Read.Component, _ error: StoreError?) async -> Replaced {
        let name = one.resource.name
        // A later change, or a removal, has come in between.
        guard replacing[name]?.number == number, !isEnded else {
            // It is what the later change replaces.
            if error == nil, replacing[name] != nil, components[name] != nil { components[name] = one.resource }
            return .overtaken
        }
        replacing[name] = nil
        guard let error else {
            components[name] = one.resource
            problems["Component \"\(name)\""] = nil
            await store.note(refusal: nil, of: name)
            return .done
        }
        // It was taken away beside the files: it is new.
        if case .noSuchComponent = error {
            var change = ResourcesChange()
            await create([one], &change)
            return .created
        }
        var isPassing = true
        if case .changeRefused(_, _, let isPermanent) = error { isPassing = !isPermanent }
        let cause = "\(error) (\(one.resource.header.source))"
        await store.note(refusal: cause, of: name)
        var change = ResourcesChange()
        refuse(name, cause, isPassing: isPassing, &change)
        problems["Component \"\(name)\""] = cause
        if !isBusy { tryAgainLater() }
        return .refused(cause)
    }

    /// `nil` when it takes longer.
    private static func value(of task: Task<Replaced, Never>, by deadline: ContinuousClock.Instant) async -> Replaced? {
        let (stream, continuation) = AsyncStream.makeStream(of: Replaced.self)
        let waiter = Task {
            continuation.yield(await task.value)
            continuation.finish()
        }
        let timer = Task {
            try? await Task.sleep(until: deadline, clock: .continuous)
            continuation.finish()
        }
        defer {
            waiter.cancel()
            timer.cancel()
        }
        for await outcome in stream { return outcome }
        return nil
    }

    private func refuse(_ name: String, _ cause: String, isPassing: Bool, _ change: inout ResourcesChange) {
        let subject = "Component \"\(name)\""
        if isPassing { passing.insert(name) }
        change.refused.append(.init(resource: subject, cause: cause))
        // Said again only when it is something else.
        guard problems[subject] != cause else { return }
        logger.error(
            "a changed resource was refused",
            metadata: [
                "component": "\(name)", "cause": "\(cause)",
                "then": isPassing ? "it is tried again" : "mend the file; it is read again when it changes",
            ])
    }

    private func takeSubscriptions(
        _ read: [SubscriptionResource], keeping wrong: Wrong, _ change: inout ResourcesChange
    ) async {
        func plain(_ one: SubscriptionResource) -> SubscriptionResource {
            var one = one
            one.header.source = SourceLocation(file: "", mark: SourceMark(line: 0, column: 0))
            return one
        }
        let kept = subscriptions.filter { old in
            !read.contains { $0.header.label == old.header.label } && wrong.concerns(old.header)
        }
        let next = read + kept
        let before = subscriptions
        subscriptions = next
        guard next.map(plain) != before.map(plain) else { return }
        for one in next where !before.map(plain).contains(plain(one)) {
            let isKnown = before.contains { $0.header.label == one.header.label }
            if isKnown { change.updated.append(one.header.label) } else { change.created.append(one.header.label) }
        }
        change.deleted += before.filter { old in !next.contains { $0.header.label == old.header.label } }.map(\.header.label)
        await subscribed(next)
    }

    // MARK: Problems

    private func tellNew(_ diagnostics: [Diagnostic]) {
        let known = Set(problems.values)
        ResourceReading.tell(diagnostics.filter { $0.severity != .note && !known.contains("\($0)") }, logger)
    }

    private func note(_ diagnostics: [Diagnostic], refused: [ResourcesChange.Refusal] = []) {
        var now: [String: String] = [:]
        for one in diagnostics where one.severity != .note {
            now["\(one.location): \(one.resource ?? "")"] = "\(one)"
        }
        for one in refused { now[one.resource] = one.cause }
        // Whether those are still wrong is being found out.
        for name in replacing.keys {
            let subject = "Component \"\(name)\""
            if now[subject] == nil { now[subject] = problems[subject] }
        }
        problems = now
    }

    /// What is wrong at the moment, one sentence each.
    var complaints: [String] { problems.sorted { $0.key < $1.key }.map(\.value) }

    private func tryAgainLater() {
        retry?.cancel()
        retry = nil
        guard !passing.isEmpty, !isEnded else {
            if replacing.isEmpty { pause = .milliseconds(500) }
            return
        }
        let wait = pause
        pause = min(pause * 2, Self.longestPause)
        retry = Task {
            guard (try? await Task.sleep(for: wait)) != nil, !Task.isCancelled else { return }
            // Its own cancellation must not end what it begins now.
            Task { _ = await self.reload() }
        }
    }

    /// The runtime stops: nothing more is taken in.
    func end() {
        isEnded = true
        retry?.cancel()
    }

    // MARK: Turns

    private func turn() async {
        while isBusy { await withCheckedContinuation { waiters.append($0) } }
        isBusy = true
    }

    private func endTurn() {
        isBusy = false
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume() }
    }
}

extension ComponentResource {
    var isSecretStore: Bool { type.hasPrefix("secretstores.") }
}

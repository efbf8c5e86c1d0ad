import Components
import Invocation
import Logging
import NIOCore
import Transport

/// Keeps the servers that are no apps as the resources have them: reads the secrets that they name, again when that did not
/// succeed and now and then when it did, and tells every event loop.
actor HTTPEndpoints {
    private let store: ComponentStore
    private let invocations: [NIOLoopBound<InvocationLoop>]
    /// How often secrets are read again; nil: never.
    private let interval: Duration?
    private let names: @Sendable ([String]) -> Void
    private let logger: Logger
    private var definitions: [EndpointDefinition] = []
    private var known: [String: (values: [String: String], settings: EndpointSettings)] = [:]
    private var lastRevision = 0
    private var following: Task<Void, Never>?

    private static let shortestPause = Duration.milliseconds(500), longestPause = Duration.seconds(30)

    /// `names` is told what there is.
    init(
        _ store: ComponentStore, _ invocations: [NIOLoopBound<InvocationLoop>], interval: Duration?, logger: Logger,
        names: @escaping @Sendable ([String]) -> Void
    ) {
        self.store = store
        self.invocations = invocations
        self.interval = interval
        self.logger = logger
        self.names = names
    }

    func set(_ definitions: [EndpointDefinition]) async {
        guard definitions != self.definitions else { return }
        self.definitions = definitions
        following?.cancel()
        names(definitions.map(\.name))
        // Nobody waits for a secret store that starts slowly, and who needs none is ready at once.
        for one in definitions where !one.hasReferences {
            let values = Dictionary(one.settings.map { ($0.name, $0.value) }) { $1 }
            if known[one.name].map({ $0.values != values || $0.settings.address != one.address }) ?? true {
                known[one.name] = (values, made(one, values))
            }
        }
        tell(definitions.map { settings(of: $0) })
        following = definitions.isEmpty ? nil : Task { await self.follow(definitions) }
    }

    func end() {
        following?.cancel()
        following = nil
    }

    private func settings(of definition: EndpointDefinition) -> EndpointSettings {
        guard let one = known[definition.name]?.settings, one.address == definition.address else { return waiting(definition) }
        return one
    }

    private func waiting(_ definition: EndpointDefinition) -> EndpointSettings {
        EndpointSettings(name: definition.name, address: definition.address, refusal: "its settings are still being read")
    }

    private func follow(_ definitions: [EndpointDefinition]) async {
        var pause = Self.shortestPause
        while !Task.isCancelled {
            let isComplete = await read(definitions)
            let hasSecrets = definitions.contains { $0.hasReferences }
            if isComplete {
                pause = Self.shortestPause
                guard hasSecrets, let interval else { return }
                guard (try? await Task.sleep(for: interval)) != nil else { return }
            } else {
                guard (try? await Task.sleep(for: pause)) != nil else { return }
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// Whether all of them can be called.
    private func read(_ definitions: [EndpointDefinition]) async -> Bool {
        var all: [EndpointSettings] = []
        for definition in definitions {
            let before = known[definition.name]?.settings
            switch await store.values(of: definition.component) {
            case .success(let values):
                if let one = known[definition.name], one.values == values, one.settings.address == definition.address, one.settings.refusal == nil {
                    all.append(one.settings)
                    continue
                }
                let settings = made(definition, values)
                if let refusal = settings.refusal { say(refusal, of: definition, before) }
                known[definition.name] = (values, settings)
                all.append(settings)
            case .failure(let cause):
                say(cause.message, of: definition, before)
                // What it was goes on, as long as it is the same server.
                if let before, before.address == definition.address, before.refusal == nil {
                    all.append(before)
                } else {
                    let settings = EndpointSettings(name: definition.name, address: definition.address, refusal: cause.message)
                    known[definition.name] = ([:], settings)
                    all.append(settings)
                }
            }
        }
        guard !Task.isCancelled else { return true }
        known = known.filter { name, _ in definitions.contains { $0.name == name } }
        tell(all)
        return all.allSatisfy { $0.refusal == nil }
    }

    private func say(_ cause: String, of definition: EndpointDefinition, _ before: EndpointSettings?) {
        guard before?.refusal != cause else { return }
        logger.warning("an HTTP endpoint can't be used", metadata: ["endpoint": "\(definition.name)", "cause": "\(cause)", "source": "\(definition.source)"])
    }

    private func made(_ definition: EndpointDefinition, _ values: [String: String]) -> EndpointSettings {
        lastRevision += 1
        let prefix = EndpointDefinition.headerPrefix
        var settings = EndpointSettings(name: definition.name, address: definition.address, revision: lastRevision)
        settings.headers = definition.settings.filter { $0.name.hasPrefix(prefix) }
            .map { (String($0.name.dropFirst(prefix.count)), values[$0.name] ?? "") }
        guard definition.address.isSecure else { return settings }
        let trust = values["rootCA"].map { TLSClientContext.Trust.roots(pem: $0) } ?? .system
        let identity = values["certificate"].flatMap { certificate in values["privateKey"].map { (certificate, $0) } }
        do {
            settings.tls = try TLSClientContext(trust: trust, offer: .http2OrHTTP1, identity: identity)
        } catch {
            settings.refusal = "its clientTLS can't be used: \(error)"
        }
        return settings
    }

    private func tell(_ all: [EndpointSettings]) {
        for loop in invocations { loop.eventLoop.execute { loop.value.set(endpoints: all) } }
    }
}

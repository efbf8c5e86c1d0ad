import COctavo
import NIOCore
import TextSearch

extension ComponentStore {
    /// The definition with its references to secrets replaced by the secrets. A store that is starting is
    /// waited for.
    func resolved(_ definition: ComponentDefinition) async throws(StartFailure) -> ComponentDefinition {
        var definition = definition
        var read: [String: [(String, String)]] = [:]
        for index in definition.metadata.indices {
            guard let reference = definition.metadata[index].reference else { continue }
            let setting = definition.metadata[index].name
            let place = "\(reference.store)/\(reference.name)"
            if read[place] == nil { read[place] = try await secret(reference, for: setting) }
            let key = reference.key.isEmpty ? reference.name : reference.key
            guard let value = read[place]?.first(where: { $0.0 == key })?.1 else {
                throw .permanent(
                    "the secret \(reference.name) of store \(reference.store) has no key \(key), which the setting "
                        + "\(setting) names")
            }
            definition.metadata[index].value = value
            definition.metadata[index].isSecret = true
        }
        return definition
    }

    /// The settings of a definition by name, its references to secrets replaced by the secrets.
    package func values(of definition: ComponentDefinition) async -> Result<[String: String], UnreadableSecret> {
        do throws(StartFailure) {
            let resolved = try await resolved(definition)
            return .success(Dictionary(resolved.metadata.map { ($0.name, $0.value) }) { $1 })
        } catch {
            return .failure(UnreadableSecret(message: error.message))
        }
    }

    /// Why a secret was not to be had.
    package struct UnreadableSecret: Error {
        package let message: String
    }

    /// The values of a definition, references resolved, that must not show: those that came from a store, and those that
    /// the type calls sensitive, unless one says where something is: whoever has written a wrong place must be told it.
    func secrets(of definition: ComponentDefinition, _ type: PluginType) -> [String] {
        definition.metadata.filter {
            $0.isSecret || type.schema.field($0.name)?.isSensitive == true && !$0.value.isPlace
        }.map(\.value)
    }

    /// Waits while a secret store starts, for as long as a start may take: two stores may wait for each
    /// other.
    private func started(_ store: String, for setting: String) async throws(StartFailure) {
        let deadline = ContinuousClock.now + ComponentStore.secretStorePatience
        while components[store]?.state == .starting {
            guard ContinuousClock.now < deadline, (try? await Task.sleep(for: .milliseconds(2))) != nil else {
                throw StartFailure(
                    message: "the setting \(setting) refers to the secret store \(store), which is still starting",
                    isPermanent: false)
            }
        }
    }

    private static let secretStorePatience = Duration.seconds(6)

    private func secret(
        _ reference: ComponentDefinition.SecretReference, for setting: String
    ) async throws(StartFailure) -> [(String, String)] {
        guard !reference.store.isEmpty else {
            throw .permanent("the setting \(setting) refers to a secret, but auth.secretStore names no store")
        }
        try await started(reference.store, for: setting)
        guard let store = components[reference.store] else {
            throw .permanent(
                "the setting \(setting) refers to the secret store \(reference.store), which is not among the components")
        }
        guard store.kind == OCTAVO_KIND_SECRET_STORE else {
            throw .permanent("auth.secretStore names \(reference.store), which is a \(store.definition.type)")
        }
        if store.state == .waiting {
            startLazy(reference.store)
            try await started(reference.store, for: setting)
        }
        let loop = loops[0]
        let promise = loop.eventLoop.makePromise(of: [(String, String)].self)
        loop.eventLoop.execute {
            guard let ref = loop.value.component(named: reference.store) else {
                promise.fail(CallError(code: OCTAVO_CODE_UNAVAILABLE, message: "the store was removed"))
                return
            }
            guard
                var slot = ref.open(
                    OCTAVO_SECRET_OP_GET, octavo_secret_get_request.self, bytes: reference.name.utf8.count + 16,
                    deadline: monotonicNanoseconds() + 10_000_000_000, waiter: SecretPromise(promise))
            else { return }
            let request = slot.request
            request.pointee.name = slot.text(reference.name)
            slot.submit()
        }
        do {
            return try await promise.futureResult.get()
        } catch {
            let missing = (error as? CallError)?.code == OCTAVO_CODE_NOT_FOUND
            throw StartFailure(
                message: "the secret \(reference.name) can't be read from \(reference.store): "
                    + ((error as? CallError)?.message ?? "\(error)"), isPermanent: missing)
        }
    }
}

extension String {
    /// It is the path of a file, or an address.
    fileprivate var isPlace: Bool { hasPrefix("/") || contains(text: "://") }
}

private final class SecretPromise: CallWaiter {
    private let promise: EventLoopPromise<[(String, String)]>

    init(_ promise: EventLoopPromise<[(String, String)]>) { self.promise = promise }

    override func completed(_ reply: UnsafeRawPointer?) {
        let pairs = reply?.loadUnaligned(as: octavo_secret_get_reply.self).pairs ?? octavo_list()
        promise.succeed(pairs.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) })
    }

    override func failed(_ error: CallError) { promise.fail(error) }
}

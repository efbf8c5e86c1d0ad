import BuildingBlocks
import DaprProtos
import Transport

/// One `SubscribeConfiguration` call: first its id, then changes. A caller that reads too slowly gets of each key the
/// newest value alone.
final class ConfigurationStream: GRPCStreamReceiver {
    private let call: GRPCCall
    private let api: DaprAPI
    private let id = ConfigurationSubscriptions.makeID()
    private var store = ""
    private var watch: ConfigurationWatch?
    private var hasRequest = false
    /// The newest of what the caller has no room for.
    private var waiting: [String: ConfigurationItem] = [:]
    private var isFull = false

    init(_ call: GRPCCall, _ api: DaprAPI) {
        self.call = call
        self.api = api
    }

    func receive(_ message: UnsafeRawBufferPointer) {
        if hasRequest { return }
        hasRequest = true
        guard let request = call.decode(message, as: Dapr_Proto_Runtime_V1_SubscribeConfigurationRequest.self) else { return }
        store = request.storeName
        do throws(ConfigurationFailure) {
            watch = try api.configuration.watch(
                store: store, keys: request.keys, metadata: request.metadata.map { ($0.key, $0.value) },
                opened: { [self] in opened($0) }, changed: { [self] in changed($0) }, ended: { [self] in end(finishing: true) })
        } catch {
            call.fail(APIError(error))
        }
    }

    func end() {
        if !hasRequest { call.fail(GRPCStatus(.invalidArgument, "the call ended without a request message")) }
    }

    func cancelled(_ reason: GRPCCancelReason) { end(finishing: false) }

    func writable() {
        isFull = false
        let items = waiting.values.sorted { $0.key < $1.key }
        waiting = [:]
        if !items.isEmpty { send(items) }
    }

    private func opened(_ failure: ConfigurationFailure?) {
        if let failure {
            watch = nil
            return call.fail(APIError(failure))
        }
        api.facts.configurationSubscriptions.add(id, store: store, loop: call.eventLoop) { [self] in end(finishing: true) }
        send([])
    }

    private func changed(_ items: [ConfigurationItem]) {
        guard isFull else { return send(items) }
        for item in items { waiting[item.key] = item }
    }

    private func send(_ items: [ConfigurationItem]) {
        let message = Dapr_Proto_Runtime_V1_SubscribeConfigurationResponse.with {
            $0.id = id
            for item in items { $0.items[item.key] = item.message }
        }
        message.withSerializedBytes { isFull = !call.send($0) }
    }

    private func end(finishing: Bool) {
        api.facts.configurationSubscriptions.remove(id, store: store)
        watch?.end()
        watch = nil
        if finishing { call.finish() }
    }
}

import PluginHTTP
import PluginKit

/// `nameresolution.etcd`: an instance is a key below `names/<namespace>/<app>/`, which lives as long as the lease that this process renews.
/// On the instance's reactor thread.
final class EtcdNames: NameResolver {
    static let offered = OCTAVO_NAMES_ADVERTISE

    static var fields: [Field] {
        Settings.fields + [
            .duration(
                "leaseTTL", default: "10s",
                "How long an instance that was killed is still found, in whole seconds, 2s at least. It is renewed three times as often.")
        ]
    }

    /// How long an answer is used while no server answers. Nanoseconds.
    private static let usable: Int64 = 60_000_000_000
    /// Apps whose answers are kept.
    private static let limit = 1024

    private struct Known {
        let place: [UInt8]
        let addresses: [NameAddress]
        let time: Int64
    }

    private let etcd: Etcd
    private let lease: NamesLease
    private var known: [Known] = []

    init(_ settings: Settings, _ config: Config, _ instance: Instance) throws(PluginError) {
        etcd = Etcd(settings, instance)
        lease = NamesLease(etcd, lifetime: max(config.duration("leaseTTL") ?? 10_000_000_000, 2_000_000_000))
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) {
        lease.isStopped = false
        try etcd.start(call)
    }

    override func stop(_ call: Call) throws(PluginError) {
        known = []
        lease.stop { [self] in etcd.stop(call) }
    }

    override func health(_ call: Call) throws(PluginError) { try etcd.health(call) }

    /// In front of the keys of an app's instances.
    private func place(_ app: [UInt8], _ namespace: [UInt8]) -> [UInt8] {
        etcd.settings.prefix + Array("names/\(URLText.escaped(namespace))/\(URLText.escaped(app))/".utf8)
    }

    private func key(_ one: NameInstance) -> [UInt8] { place(one.app, one.namespace) + Array(URLText.escaped(one.name).utf8) }

    // MARK: Operations

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        guard !request.pointee.app_id.isEmpty else { throw .invalid("There is no app to look for: its id is empty.") }
        let place = place(request.pointee.app_id.array, request.pointee.name_space.array), now = Host.now()
        known.removeAll { now - $0.time > Self.usable }
        var body = Body("{")
        body.prefix(place)
        body.add("}")
        etcd.send("/v3/kv/range", body, isWrite: false) { [self] result in
            switch result {
            case .success(let answer):
                // What is no address somebody else has written there.
                let found = answer.pairs.compactMap { pair in pair.value.withUnsafeBytes { NameAddress(Str($0)) } }
                known.removeAll { $0.place == place }
                if known.count >= Self.limit { known.removeFirst() }
                if !found.isEmpty { known.append(Known(place: place, addresses: found, time: Host.now())) }
                reply.answer(found)
            case .failure(let error):
                guard error.flags & OCTAVO_ERROR_OUTAGE != 0, let old = known.first(where: { $0.place == place }) else {
                    return reply.call.fail(error)
                }
                reply.answer(old.addresses)
            }
        }
    }

    override func advertise(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        let one = try NameInstance(request.pointee)
        lease.keep(key(one), one.address.text) { error in if let error { call.fail(error) } else { call.done() } }
    }

    override func withdraw(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        lease.drop(key(try NameInstance(request.pointee))) { error in if let error { call.fail(error) } else { call.done() } }
    }
}

import NATSPluginNative
import PluginKit

/// The component's metadata, checked.
final class Settings {
    enum Start: Int64 { case all, last, new, sequence, time }

    /// For libnats; it points into memory of this object.
    let link: UnsafeMutablePointer<nats_settings>
    /// For messages: the servers without users and passwords.
    let address: String
    let streamName: [UInt8]
    let durableName: [UInt8]
    let queueGroupName: [UInt8]
    let createsStreams: Bool
    let start: Start
    let startSequence: Int64
    /// Seconds since 1970.
    let startTime: Int64
    /// Nanoseconds; 0: the server's own.
    let ackWait: Int64
    let backOff: [Int64]
    /// 0: the server's own.
    let maxDeliver: Int64
    let maxAckPending: Int64
    let replicas: Int64
    let memoryStorage: Bool
    /// Bits in a second; 0: no limit.
    let rateLimit: Int64
    /// How often the server gives a sign of life while it has nothing to deliver. Nanoseconds.
    let heartbeat: Int64
    /// A message is done when the app is given it.
    let acknowledgesAtOnce: Bool
    /// Of JetStream's API, with a dot at its end.
    let api: [UInt8]
    private var texts: [UnsafeMutablePointer<CChar>] = []

    init(_ config: Config) throws(PluginError) {
        link = .allocate(capacity: 1)
        memset(link, 0, MemoryLayout<nats_settings>.size)
        address = Settings.withoutUsers(config.text("natsURL"))
        streamName = config.text("streamName").array
        durableName = config.text("durableName").array
        queueGroupName = config.text("queueGroupName").array
        createsStreams = config.flag("createStream")
        start = Start(rawValue: config.integer("deliverPolicy") ?? 0) ?? .all
        startSequence = config.integer("startSequence") ?? 0
        startTime = config.integer("startTime") ?? 0
        ackWait = max(config.duration("ackWait") ?? 0, 0)
        backOff = try Settings.durations(config.text("backOff"))
        maxDeliver = config.integer("maxDeliver") ?? 0
        maxAckPending = config.integer("maxAckPending") ?? 0
        replicas = config.integer("replicas") ?? 0
        memoryStorage = config.flag("memoryStorage")
        rateLimit = config.integer("rateLimit") ?? 0
        heartbeat = min(max(config.duration("heartbeat") ?? 5_000_000_000, 100_000_000), 10_000_000_000)
        acknowledgesAtOnce = config.integer("ackPolicy") == 2
        var api = config.text("apiPrefix").array
        if api.isEmpty {
            let domain = config.text("domain").array
            api = Array("$JS.".utf8) + (domain.isEmpty ? [] : domain + [0x2E]) + Array("API".utf8)
        }
        while api.last == 0x2E { api.removeLast() }
        self.api = api + [0x2E]
        try checkNames()
        try checkStart()
        try fill(config)
    }

    deinit {
        for text in texts { free(text) }
        link.deallocate()
    }

    private func checkNames() throws(PluginError) {
        guard Subject.isName(streamName) else {
            throw .invalid("The setting streamName: a stream's name has no dots, blanks, slashes, * and >.")
        }
        guard Subject.isName(durableName) else {
            throw .invalid("The setting durableName: a consumer's name has no dots, blanks, slashes, * and >.")
        }
        guard Subject.isPublishable(api.dropLast(), toAPI: true) else {
            throw .invalid("The setting domain or apiPrefix is no prefix of subjects, such as $JS.hub.API.")
        }
    }

    private func checkStart() throws(PluginError) {
        if start == .sequence, startSequence <= 0 {
            throw .invalid("deliverPolicy: sequence needs startSequence, the number of the first message, from 1.")
        }
        if start == .time, startTime <= 0 {
            throw .invalid("deliverPolicy: time needs startTime, in seconds since 1970.")
        }
    }

    private func fill(_ config: Config) throws(PluginError) {
        func given(_ name: StaticString) -> UnsafePointer<CChar>? {
            guard let text = config.cString(name) else { return nil }
            let copy = UnsafeMutablePointer<CChar>(strdup(text))!
            texts.append(copy)
            return UnsafePointer(copy)
        }
        func together(_ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?, _ names: String) throws(PluginError) {
            if (first == nil) != (second == nil) { throw .invalid("\(names) belong together: give both or none.") }
        }
        guard let servers = given("natsURL") else { throw .invalid("natsURL is missing: for example nats://localhost:4222.") }
        link.pointee.servers = servers
        link.pointee.name = given("name")!
        link.pointee.user = given("username")
        link.pointee.password = given("password")
        link.pointee.token = given("token")
        link.pointee.jwt = given("jwt")
        link.pointee.seed = given("seedKey")
        link.pointee.nkey = given("nkey")
        link.pointee.credentials = given("credentials")
        link.pointee.authority = given("tls_ca_cert")
        link.pointee.certificate = given("tls_client_cert")
        link.pointee.key = given("tls_client_key")
        link.pointee.verify = config.flag("insecureSkipTLSVerify") ? 0 : 1
        try together(link.pointee.user, link.pointee.password, "username and password")
        try together(link.pointee.certificate, link.pointee.key, "tls_client_cert and tls_client_key")
        if link.pointee.seed != nil, link.pointee.jwt == nil, link.pointee.nkey == nil {
            throw .invalid("seedKey needs jwt, the user's token, or nkey, the public key.")
        }
        if link.pointee.seed == nil, link.pointee.jwt != nil || link.pointee.nkey != nil { throw .invalid("jwt and nkey need seedKey, the seed of the user's key.") }
        let asksForTLS = config.text("natsURL").array.starts(with: Array("tls:".utf8))
        link.pointee.secure = asksForTLS || link.pointee.authority != nil || link.pointee.certificate != nil || link.pointee.verify == 0 ? 1 : 0
    }

    /// "nats://user:password@host" is shown as "nats://host".
    private static func withoutUsers(_ servers: Str) -> String {
        var shown: [UInt8] = []
        for server in servers.array.split(separator: 0x2C) {
            var server = server
            var scheme = server.prefix(0)
            if let end = server.firstIndex(of: 0x2F), server[server.index(after: end)...].first == 0x2F {
                scheme = server[...server.index(after: end)]
                server = server[server.index(end, offsetBy: 2)...]
            }
            if let at = server.lastIndex(of: 0x40) { server = server[server.index(after: at)...] }
            if !shown.isEmpty { shown.append(0x2C) }
            shown += scheme
            shown += server
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// "50ms, 1s, 10s": a number and one of the units ms, s, m, h.
    private static func durations(_ text: Str) throws(PluginError) -> [Int64] {
        var all: [Int64] = []
        for word in text.array.split(whereSeparator: { $0 == 0x2C || $0 == 0x20 || $0 == 0x5B || $0 == 0x5D }) {
            let digits = word.prefix { $0 >= 0x30 && $0 <= 0x39 }
            let unit = [UInt8](word.dropFirst(digits.count))
            let scales: [([UInt8], Int64)] = [
                ([0x6D, 0x73], 1_000_000), ([0x73], 1_000_000_000), ([0x6D], 60_000_000_000), ([0x68], 3_600_000_000_000),
            ]
            guard let number = [UInt8](digits).withUnsafeBytes({ Str($0).decimal }), number > 0, number < 1_000_000,
                let scale = scales.first(where: { $0.0 == unit })?.1
            else { throw .invalid("The setting backOff \"\(text.string)\" is no list of durations, such as 50ms, 1s, 10s.") }
            all.append(Int64(number) * scale)
        }
        return all
    }
}

import PluginHTTP
import PluginKit

/// What an agent is told of an instance.
struct Registration {
    let instance: NameInstance
    let id: [UInt8]
    /// JSON.
    let body: [UInt8]

    /// Says of which namespace an app is.
    static let namespaceKey: StaticString = "DAPR_NAMESPACE"

    init(_ instance: NameInstance, _ settings: Settings) {
        self.instance = instance
        var given: [(name: [UInt8], value: [UInt8])] = settings.whole ?? []
        func has(_ name: StaticString) -> [UInt8]? { given.first { $0.name.isSame(as: name) && !$0.value.isEmpty }?.value }
        id = has("ID") ?? instance.name
        var meta = settings.meta
        if let text = has("Meta"), let document = try? Document(text) {
            meta = document.leaves.filter { $0.path.count == 1 }.map { ($0.path[0], $0.value) }
        }
        meta.removeAll { $0.name == settings.portKey }
        var port: [UInt8] = []
        Decimal.append(Int64(instance.address.port), to: &port)
        meta.append((settings.portKey, port))
        if !instance.namespace.isEmpty, !meta.contains(where: { $0.name.equals(Registration.namespaceKey) }) {
            meta.append((Str(Registration.namespaceKey).array, instance.namespace))
        }
        var body: [UInt8] = [0x7B]
        func member(_ name: [UInt8], isText: Bool, _ value: [UInt8]) {
            if body.count > 1 { body.append(0x2C) }
            body.addQuoted(name)
            body.append(0x3A)
            if isText { body.addQuoted(value) } else { body += value }
        }
        given.removeAll { one in one.name.isSame(as: "Meta") || one.name.isSame(as: "ID") }
        // The reader takes the quotes off texts; these members have some.
        let texts: [StaticString] = ["Name", "Address", "Kind", "Namespace", "Partition", "SocketPath"]
        for one in given { member(one.name, isText: texts.contains { one.name.isSame(as: $0) }, one.value.isEmpty ? Str("null").array : one.value) }
        member(Str("ID").array, isText: true, id)
        if has("Name") == nil { member(Str("Name").array, isText: true, instance.app) }
        if has("Address") == nil { member(Str("Address").array, isText: true, instance.address.host) }
        if has("Port") == nil { member(Str("Port").array, isText: false, port) }
        var pairs: [UInt8] = [0x7B]
        for one in meta {
            if pairs.count > 1 { pairs.append(0x2C) }
            pairs.addQuoted(one.name)
            pairs.append(0x3A)
            pairs.addQuoted(one.value)
        }
        member(Str("Meta").array, isText: false, pairs + [0x7D])
        if settings.whole == nil {
            if !settings.tags.isEmpty { member(Str("Tags").array, isText: false, settings.tags) }
            member(Str("Checks").array, isText: false, settings.checks.isEmpty ? Registration.check(instance, id) : settings.checks)
        }
        self.body = body + [0x7D]
    }

    /// The agent connects to the port for other runtimes.
    private static func check(_ instance: NameInstance, _ id: [UInt8]) -> [UInt8] {
        var check: [UInt8] = []
        check.add(#"[{"Name":"Octavo's port for other runtimes","CheckID":"#)
        check.addQuoted(Str("octavo:").array + id)
        check.add(#","TCP":"#)
        check.addQuoted(instance.address.text)
        check.add(#","Interval":"5s","Timeout":"2s","Status":"passing","DeregisterCriticalServiceAfter":"1m"}]"#)
        return check
    }
}

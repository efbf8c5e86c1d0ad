import CPluginYAML
import PluginKit

/// Apps and where their instances are, as a text says it:
/// `{"appInstances": {"app": [{"domain": "", "ipv4": "127.0.0.1", "ipv6": "", "port": 4433}]}}`.
struct AddressTable {
    private var apps: [(name: [UInt8], addresses: [NameAddress])] = []

    /// `app.namespace` goes before `app`, which is meant for every namespace.
    func addresses(_ app: [UInt8], _ namespace: [UInt8]) -> [NameAddress] {
        if !namespace.isEmpty, let found = addresses(app + [0x2E] + namespace) { return found }
        return addresses(app) ?? []
    }

    private func addresses(_ name: [UInt8]) -> [NameAddress]? { apps.first { $0.name == name }?.addresses }

    /// `what`: "The … is no good table", for errors.
    init(_ text: [UInt8], isYAML: Bool, _ what: String) throws(PluginError) {
        do throws(PluginError) {
            let entries = try isYAML ? Entries.yaml(text) : Entries.json(text)
            guard entries.hasApps else { throw .invalid(#"it has no object "appInstances""#) }
            for entry in entries.all {
                let address = try entry.address()
                if apps.last?.name == entry.app { apps[apps.count - 1].addresses.append(address) } else { apps.append((entry.app, [address])) }
            }
        } catch { throw PluginError(error.code, "The \(what) is no good table of apps: \(error.message).") }
    }
}

/// One instance of an app as it is written.
private struct Entry {
    let app: [UInt8]
    let index: [UInt8]
    var domain: [UInt8] = []
    var ipv4: [UInt8] = []
    var ipv6: [UInt8] = []
    var port: [UInt8] = []

    /// Its first name or number, in Dapr's order.
    func address() throws(PluginError) -> NameAddress {
        let place = "instance \(String(decoding: index, as: UTF8.self)) of app \(String(decoding: app, as: UTF8.self))"
        guard let host = [domain, ipv4, ipv6].first(where: { !$0.isEmpty && !$0.equals("null") && !$0.equals("~") }) else {
            throw .invalid("\(place) has neither domain nor ipv4 nor ipv6")
        }
        guard let number = port.withUnsafeBytes({ Str($0).decimal }), number > 0, number < 65536 else {
            throw .invalid("\(place) has no port from 1 to 65535")
        }
        guard let address = NameAddress(host: host, port: Int(number)) else { throw .invalid("the host of \(place) can't be one") }
        return address
    }
}

/// What a reader has told of.
private final class Entries {
    var all: [Entry] = []
    var hasApps = false

    static func json(_ text: [UInt8]) throws(PluginError) -> Entries {
        let entries = Entries()
        var failure: PluginError?
        text.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { entries.take($0, $1) }
                // An empty object has no leaf.
                try JSONReader.read(bytes, depth: 1) { path, value in
                    if path.count == 1, path[0].equals("appInstances"), value.first == 0x7B { entries.hasApps = true }
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return entries
    }

    static func yaml(_ text: [UInt8]) throws(PluginError) -> Entries {
        var problem = [CChar](repeating: 0, count: 256)
        // Never empty, so that it has an address.
        let json = (text + [0x0A]).withUnsafeBytes { bytes in
            plugin_yaml_to_json(bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count, &problem, problem.count)
        }
        guard let json else {
            throw .invalid(String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        defer { free(json) }
        return try Entries.json([UInt8](UnsafeRawBufferPointer(start: json, count: strlen(json))))
    }

    private func take(_ path: [[UInt8]], _ value: [UInt8]) {
        guard path.count == 4, path[0].equals("appInstances") else { return }
        if all.last?.app != path[1] || all.last?.index != path[2] { all.append(Entry(app: path[1], index: path[2])) }
        let last = all.count - 1
        if path[3].equals("domain") { all[last].domain = value }
        if path[3].equals("ipv4") { all[last].ipv4 = value }
        if path[3].equals("ipv6") { all[last].ipv6 = value }
        if path[3].equals("port") { all[last].port = value }
    }
}

import PluginHTTP
import PluginKit

/// The instances of a service that are healthy, as Consul answers.
struct Services {
    private struct Entry {
        let index: [UInt8]
        var node: [UInt8] = []
        var address: [UInt8] = []
        var namespace: [UInt8] = []
        var port: [UInt8]?
    }

    private var entries: [Entry] = []

    /// `nil`: it is no JSON.
    init?(_ body: [UInt8], portKey: [UInt8]) {
        guard body.first(where: { $0 > 0x20 }) == 0x5B, let document = try? Document(body) else { return nil }
        for leaf in document.leaves where leaf.path.count >= 3 {
            if entries.last?.index != leaf.path[0] { entries.append(Entry(index: leaf.path[0])) }
            let last = entries.count - 1
            if leaf.path[1].equals("Node"), leaf.path.count == 3, leaf.path[2].equals("Address") { entries[last].node = leaf.value }
            guard leaf.path[1].equals("Service") else { continue }
            if leaf.path.count == 3, leaf.path[2].equals("Address") { entries[last].address = leaf.value }
            if leaf.path.count == 4, leaf.path[2].equals("Meta") {
                if leaf.path[3].equals(Registration.namespaceKey) { entries[last].namespace = leaf.value }
                if leaf.path[3] == portKey { entries[last].port = leaf.value }
            }
        }
    }

    /// Addresses of a namespace, and how many there were that did not say at which port. A service that names no namespace, as
    /// Dapr's don't, is of every one.
    func addresses(_ namespace: [UInt8]) -> (found: [NameAddress], withoutPort: Int) {
        var found: [NameAddress] = [], withoutPort = 0
        for entry in entries where entry.namespace.isEmpty || entry.namespace == namespace {
            guard let port = entry.port?.withUnsafeBytes({ Str($0).decimal }), port < 65536,
                let address = NameAddress(host: entry.address.isEmpty ? entry.node : entry.address, port: Int(port))
            else {
                withoutPort += 1
                continue
            }
            if !found.contains(address) { found.append(address) }
        }
        return (found, withoutPort)
    }
}

import PluginKit

/// The DNS servers of this machine, as resolv.conf names them. Reading blocks for as long as a local disk does.
struct ResolverFile {
    private static let path: [CChar] = "/etc/resolv.conf".utf8.map { CChar(bitPattern: $0) } + [0]
    private var version = FileVersion()
    private var known: [NameAddress] = []

    /// As they are now. Throws when the file names none, or can't be read.
    mutating func servers() throws(PluginError) -> [NameAddress] {
        guard let now = FileVersion(of: ResolverFile.path) else {
            throw SmallFile.unreadable(ResolverFile.path, what: "file of DNS servers", hint: "Set dnsServers.")
        }
        if now == version, !known.isEmpty { return known }
        let text = try SmallFile.read(ResolverFile.path, what: "file of DNS servers", limit: 1 << 20, hint: "Set dnsServers.")
        var found: [NameAddress] = []
        for line in text.split(separator: 0x0A) {
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard words.count >= 2, [UInt8](words[0]).equals("nameserver"), let server = NameAddress(host: [UInt8](words[1]), port: 53) else {
                continue
            }
            found.append(server)
        }
        guard !found.isEmpty else { throw .outage("/etc/resolv.conf names no DNS server. Set dnsServers.") }
        (version, known) = (now, found)
        return found
    }
}

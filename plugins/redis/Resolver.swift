import PluginKit

/// Addresses to connect to.
final class Addresses {
    struct Address {
        var storage = sockaddr_storage()
        var size: socklen_t = 0
        var family: Int32 = 0
    }

    private(set) var list: [Address] = []
    private(set) var problem: String?

    /// Numbers and socket paths at once; names by asking, which blocks.
    func resolve(_ settings: Settings, numericOnly: Bool) {
        if settings.isLocalSocket { return addSocket(settings.host) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = numericOnly ? AI_NUMERICHOST | AI_NUMERICSERV : AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(settings.host, settings.port, &hints, &found)
        if code != 0 {
            problem = "the name can't be resolved (\(String(cString: gai_strerror(code))))"
            return
        }
        defer { freeaddrinfo(found) }
        var entry = found
        while let present = entry {
            var address = Address()
            address.size = present.pointee.ai_addrlen
            address.family = present.pointee.ai_family
            memcpy(&address.storage, present.pointee.ai_addr, Int(address.size))
            list.append(address)
            entry = present.pointee.ai_next
        }
    }

    private func addSocket(_ path: [CChar]) {
        var address = Address()
        var local = sockaddr_un()
        local.sun_family = sa_family_t(AF_UNIX)
        guard path.count <= MemoryLayout.size(ofValue: local.sun_path) else {
            problem = "the path of the socket is longer than the system takes"
            return
        }
        withUnsafeMutableBytes(of: &local.sun_path) { _ = memcpy($0.baseAddress!, path, path.count) }
        memcpy(&address.storage, &local, MemoryLayout<sockaddr_un>.size)
        address.size = socklen_t(MemoryLayout<sockaddr_un>.size)
        address.family = AF_UNIX
        list.append(address)
    }
}

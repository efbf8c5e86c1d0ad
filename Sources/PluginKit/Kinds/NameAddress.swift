/// Where an instance of an app is.
public struct NameAddress: Equatable {
    /// A name or a number, without brackets.
    public var host: [UInt8]
    /// 1 to 65535.
    public var port: Int

    /// `nil` for no host, one with bytes that no host has, or a port that there is not.
    public init?(host: [UInt8], port: Int) {
        guard !host.isEmpty, host.count <= 255, port > 0, port < 65536 else { return nil }
        for byte in host where byte <= 0x20 || byte == 0x7F || byte == 0x2F || byte == 0x5B || byte == 0x5D { return nil }
        self.host = host
        self.port = port
    }

    /// "host:port", with brackets around an IPv6 address; `nil` for what is none.
    public init?(_ text: Str) {
        let bytes = text.raw
        guard let colon = bytes.lastIndex(of: 0x3A) else { return nil }
        guard let port = Str(UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...])).decimal, port < 65536 else { return nil }
        var host = bytes[..<colon]
        if host.count > 2, host.first == 0x5B, host.last == 0x5D { host = host.dropFirst().dropLast() }
        self.init(host: [UInt8](host), port: Int(port))
    }

    /// "host:port", with brackets around an IPv6 address.
    public var text: [UInt8] {
        var text = host.contains(0x3A) ? [0x5B] + host + [0x5D] : host
        text.append(0x3A)
        Decimal.append(Int64(port), to: &text)
        return text
    }
}

/// An instance of an app that advertises itself, copied from a request.
public struct NameInstance: Equatable {
    public let app: [UInt8]
    public let namespace: [UInt8]
    /// What no other instance of the app is called.
    public let name: [UInt8]
    public let address: NameAddress

    /// Throws for a request that names no app, no instance or no address.
    public init(_ request: octavo_names_advertise_request) throws(PluginError) {
        guard !request.app_id.isEmpty else { throw .invalid("There is no app to advertise: its id is empty.") }
        guard !request.instance.isEmpty else { throw .invalid("The instance to advertise has no name.") }
        guard let address = NameAddress(host: request.address.host.array, port: Int(request.address.port)) else {
            throw .invalid("The instance to advertise has no address that others could call.")
        }
        app = request.app_id.array
        namespace = request.name_space.array
        name = request.instance.array
        self.address = address
    }
}

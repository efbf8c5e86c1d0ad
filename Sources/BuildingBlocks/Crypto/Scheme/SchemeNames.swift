/// How the key of a message is wrapped by the component's key. Source: Dapr's encryption scheme, version 1.
package enum WrapAlgorithm: Int, CaseIterable, Sendable {
    case a256KW = 1
    case a128CBC = 2
    case a192CBC = 3
    case a256CBC = 4
    case rsaOAEP256 = 5

    /// By a name of the API, letters of any case: those of JWA, and `AES` and `RSA` for what is best of each.
    package init?(named name: String) {
        let name = name.uppercased()
        switch name {
        case "AES": self = .a256KW
        case "RSA": self = .rsaOAEP256
        default:
            guard let found = WrapAlgorithm.allCases.first(where: { $0.name == name }) else { return nil }
            self = found
        }
    }

    package var name: String {
        switch self {
        case .a256KW: "A256KW"
        case .a128CBC: "A128CBC-NOPAD"
        case .a192CBC: "A192CBC-NOPAD"
        case .a256CBC: "A256CBC-NOPAD"
        case .rsaOAEP256: "RSA-OAEP-256"
        }
    }

    /// The scheme has no place for a nonce. CBC takes one of zeros, which is as good as any for a key that is random and
    /// wrapped once; what it lacks in integrity the header's code has.
    var nonce: [UInt8] {
        switch self {
        case .a256KW, .rsaOAEP256: []
        case .a128CBC, .a192CBC, .a256CBC: [UInt8](repeating: 0, count: 16)
        }
    }
}

/// How the data of a message is encrypted.
package enum DataCipher: Int, CaseIterable, Sendable {
    case aesGCM = 1
    case chaCha20Poly1305 = 2

    /// By a name of the API, letters of any case; without one AES-GCM.
    package init?(named name: String) {
        if name.isEmpty {
            self = .aesGCM
        } else {
            let name = name.uppercased()
            guard let found = DataCipher.allCases.first(where: { $0.name == name }) else { return nil }
            self = found
        }
    }

    package var name: String {
        switch self {
        case .aesGCM: "AES-GCM"
        case .chaCha20Poly1305: "CHACHA20-POLY1305"
        }
    }
}

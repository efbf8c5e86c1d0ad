/// Who a runtime is for others: an app in a namespace of a trust domain, as the URI of a certificate says it (SPIFFE-ID §2;
/// Source: the form is Dapr's). A value.
package struct RuntimeIdentity: Hashable, Sendable, CustomStringConvertible {
    package let trustDomain: String
    package let namespace: String
    package let appID: String

    /// What certificates say of a runtime without a namespace.
    package static let standardNamespace = "default"

    /// `namespace`: empty is `default`. Throws for a part that no such URI can hold.
    package init(trustDomain: String, namespace: String, appID: String) throws(CertificateError) {
        let namespace = namespace.isEmpty ? Self.standardNamespace : namespace
        guard Self.isTrustDomain(trustDomain) else {
            throw CertificateError(
                "\"\(trustDomain.prefix(80))\" can't be a trust domain: it has 1 to 255 of a-z, 0-9, '.', '-' and '_', such as cluster.local.")
        }
        for (text, what) in [(namespace, "a namespace"), (appID, "an app id")] where !Self.isSegment(text) {
            throw CertificateError(
                "\"\(text.prefix(80))\" can't be \(what) in a certificate: it has 1 to 255 of letters, digits, '.', '-' and '_', and is not '.' or '..'.")
        }
        self.trustDomain = trustDomain
        self.namespace = namespace
        self.appID = appID
    }

    /// nil unless `uri` is exactly `spiffe://TRUST-DOMAIN/ns/NAMESPACE/APP-ID`.
    package init?(uri: String) {
        guard uri.utf8.count <= 2048, uri.hasPrefix("spiffe://") else { return nil }
        let parts = uri.dropFirst(9).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "ns", !parts[2].isEmpty else { return nil }
        guard let made = try? RuntimeIdentity(trustDomain: String(parts[0]), namespace: String(parts[2]), appID: String(parts[3])) else {
            return nil
        }
        self = made
    }

    /// The URI.
    package var description: String { "spiffe://\(trustDomain)/ns/\(namespace)/\(appID)" }

    /// SPIFFE-ID §2.1.
    package static func isTrustDomain(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2e || $0 == 0x2d || $0 == 0x5f }
    }

    /// SPIFFE-ID §2.2.
    private static func isSegment(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2e || $0 == 0x2d || $0 == 0x5f
            }
    }
}

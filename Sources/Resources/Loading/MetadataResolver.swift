/// Turns what is written in a component's metadata into values: placeholders and environment variables.
/// Secrets are left to whoever holds the secret stores.
package struct MetadataResolver: Sendable {
    package var appID: String
    /// Nil outside Kubernetes when `NAMESPACE` is not set; placeholders then say `default`.
    package var namespace: String?
    /// Nil when the runtime does not stand in a pod.
    package var podName: String?
    package var environment: [String: String]

    package init(appID: String, namespace: String?, podName: String? = nil, environment: [String: String]) {
        self.appID = appID
        self.namespace = namespace
        self.podName = podName
        self.environment = environment
    }

    /// A value that is known, or a secret that must still be looked up.
    package enum Value: Sendable, Equatable {
        case text(String)
        case secret(name: String, key: String)
    }

    /// Resolves one item.
    ///
    /// - Parameter random: gives the bytes of `{uuid}`.
    /// - Returns: the value; nil when a placeholder can't be filled in, which the diagnostics then say.
    package func resolve(
        _ item: MetadataItem, resource: String, random: inout some RandomNumberGenerator
    ) -> (value: Value?, diagnostics: [Diagnostic]) {
        switch item.value {
        case .secret(let name, let key): return (.secret(name: name, key: key), [])
        case .environment(let name):
            if let refusal = refusal(name) {
                // An empty value, as in Dapr: the file may be made for several apps.
                return (.text(""), [Diagnostic(.warning, item.source, resource: resource, refusal)])
            }
            guard let value = environment[name] else {
                return (
                    .text(""),
                    [
                        Diagnostic(
                            .warning, item.source, resource: resource,
                            "the environment variable \(name) of the setting \(item.name) is not set; the setting is empty"
                        )
                    ]
                )
            }
            return (.text(value), [])
        case .text(let text):
            guard let filled = fill(text, &random) else {
                return (
                    nil,
                    [
                        Diagnostic(
                            .error, item.source, resource: resource,
                            "the setting \(item.name) has {podName} in it, but the pod's name is not known; set POD_NAME"
                        )
                    ]
                )
            }
            return (.text(filled), [])
        }
    }

    /// Why a variable may not be read: `DAPR_ENV_KEYS` lists those that may, and the runtime's own never.
    private func refusal(_ name: String) -> String? {
        if name.isEmpty || name.contains(" ") {
            return "envRef \"\(name)\" is no name of an environment variable; the setting is empty"
        }
        if name.uppercased() == "APP_API_TOKEN" || name.uppercased().hasPrefix("DAPR_") {
            return "envRef may not read \(name), which is the runtime's own; the setting is empty"
        }
        guard let list = environment["DAPR_ENV_KEYS"], !list.isEmpty else { return nil }
        let allowed = list.split(separator: " ").map { $0.uppercased() }
        return allowed.contains(name.uppercased())
            ? nil : "envRef may not read \(name): DAPR_ENV_KEYS does not list it; the setting is empty"
    }

    /// Source: Dapr's component specification, "Templated metadata values".
    private func fill(_ text: String, _ random: inout some RandomNumberGenerator) -> String? {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        var out = ""
        var rest = text[...]
        while let brace = rest.firstIndex(of: "{") {
            out += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix("{uuid}") {
                out += uuid(&random)
                rest = rest.dropFirst(6)
            } else if rest.hasPrefix("{podName}") {
                guard let podName, !podName.isEmpty else { return nil }
                out += podName
                rest = rest.dropFirst(9)
            } else if rest.hasPrefix("{namespace}") {
                out += "\(namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default").\(appID)"
                rest = rest.dropFirst(11)
            } else if rest.hasPrefix("{appID}") {
                out += appID
                rest = rest.dropFirst(7)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out + rest
    }
}

/// A random UUID (RFC 9562 §5.4).
private func uuid(_ random: inout some RandomNumberGenerator) -> String {
    let high = (random.next() as UInt64) & 0xffff_ffff_ffff_0fff | 0x4000
    let low = (random.next() as UInt64) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    func text(_ value: UInt64, _ digits: Int) -> String {
        let hexadecimal = String(value, radix: 16)
        return String(repeating: "0", count: digits - hexadecimal.count) + hexadecimal
    }
    return [
        text(high >> 32, 8), text(high >> 16 & 0xffff, 4), text(high & 0xffff, 4), text(low >> 48, 4),
        text(low & 0xffff_ffff_ffff, 12),
    ].joined(separator: "-")
}

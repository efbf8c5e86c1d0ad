import AdminAPI
import Arguments

/// Completes names in the shell by asking the runtime, if one is there. Silent and quick when it is not.
enum NameCompletion {
    static let plugins = CompletionKind.custom { arguments, _, _ in
        (try? client(arguments).plugins().plugins.map(\.name)) ?? []
    }
    static let components = CompletionKind.custom { arguments, _, _ in
        (try? client(arguments).components().components.map(\.name)) ?? []
    }
    static let stateStores = CompletionKind.custom { arguments, _, _ in
        let components = (try? client(arguments).components().components) ?? []
        return components.filter { $0.type.hasPrefix("state.") }.map(\.name)
    }
    static let traces = CompletionKind.custom { arguments, _, _ in
        Array(Set((try? client(arguments).traces().traces.map(\.traceID)) ?? [])).sorted()
    }
    static let policyTargets = CompletionKind.custom { arguments, _, _ in
        guard let client = try? client(arguments) else { return [] }
        let known = ((try? client.policies().policies) ?? []).map(\.target)
        let components = ((try? client.components().components) ?? []).flatMap { one in
            ["component/\(one.name)/outbound", "component/\(one.name)/inbound"]
        }
        return Array(Set(known + components)).sorted()
    }
    static let appIDs = CompletionKind.custom { _, _, _ in AdminSocket.appIDs() }

    /// The runtime that the words typed so far name, with a second to answer.
    private static func client(_ arguments: [String]) throws -> AdminClient {
        let flags = AdminFlags()
        flags.appID = value(of: ["--app-id", "-a"], in: arguments)
        flags.adminSocket = value(of: ["--admin-socket"], in: arguments)
        flags.timeout = TimeSpan(argument: "1s")!
        return try flags.client()
    }

    private static func value(of names: [String], in arguments: [String]) -> String? {
        for (index, argument) in arguments.enumerated() {
            if names.contains(argument), index + 1 < arguments.count { return arguments[index + 1] }
            for name in names where argument.hasPrefix(name + "=") { return String(argument.dropFirst(name.count + 1)) }
        }
        return nil
    }
}

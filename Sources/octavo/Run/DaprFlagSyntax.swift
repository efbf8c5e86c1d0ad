/// Rewrites the arguments of `octavo run` from the flag syntax of Dapr's Go programs into ours.
///
/// What differs: a long flag may have a single dash (`-app-id shop`), a truth value stands alone or after an
/// equals sign (`--enable-metrics=false`), a value may start with a dash (`--app-port -1`), and there are flags
/// that mean nothing here. Nothing after `--` is touched: that is the app's command.
enum DaprFlagSyntax {
    /// Flags with a truth value, which is true when they stand alone.
    static let truthFlags: Set<String> = [
        "log-as-json", "enable-metrics", "enable-api-logging", "enable-app-health-check",
    ]

    /// Flags of Dapr's sidecar and its command line that are accepted and change nothing: those that take a value.
    static let ignoredValueFlags: Set<String> = [
        "mode", "placement-host-address", "scheduler-host-address", "scheduler-job-streams", "sentry-address",
        "control-plane-address", "control-plane-trust-domain", "control-plane-namespace", "trust-anchors-file",
        "profile-port", "actors-disseminate-timeout", "actors-service", "reminders-service", "metrics-endpoint",
        "hot-reload-reconcile-interval", "log-outputs",
        "log-file", "log-timestamp-format", "kubeconfig", "runtime-path", "run-path", "app-log-destination",
        "daprd-log-destination",
    ]
    /// The same: those with a truth value.
    static let ignoredTruthFlags: Set<String> = ["enable-profiling", "enable-mtls", "wait"]

    /// The name of the hidden option that carries an ignored flag to the command.
    static let ignoredFlagCarrier = "ignored-flag"

    /// `arguments` in our own syntax.
    static func rewritten(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                result.append(argument)
                result += rest
                break
            }
            guard let flag = Flag(argument) else {
                result.append(argument)
                continue
            }
            if ignoredTruthFlags.contains(flag.name) {
                result.append("--\(ignoredFlagCarrier)=--\(flag.name)")
            } else if ignoredValueFlags.contains(flag.name) {
                result.append("--\(ignoredFlagCarrier)=--\(flag.name)")
                if flag.value == nil, let next = rest.first, next != "--", Flag(next) == nil { rest.removeFirst() }
            } else if truthFlags.contains(flag.name) {
                result.append("--\(flag.name)=\(flag.value ?? "true")")
            } else if flag.value == nil, let next = rest.first, isNegativeNumber(next) {
                result.append("--\(flag.name)=\(rest.removeFirst())")
            } else {
                result.append("--\(flag.name)" + (flag.value.map { "=\($0)" } ?? ""))
            }
        }
        return result
    }

    private struct Flag {
        let name: Substring
        let value: Substring?

        /// nil unless `argument` is a long flag, with one dash or two.
        init?(_ argument: String) {
            let body = argument.drop { $0 == "-" }
            let dashes = argument.count - body.count
            // `-a` alone is a short flag, `-1` a number.
            guard dashes == 2 && !body.isEmpty || dashes == 1 && body.count > 1, body.first?.isLetter == true else {
                return nil
            }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            name = parts[0]
            value = parts.count > 1 ? parts[1] : nil
        }
    }

    private static func isNegativeNumber(_ argument: String) -> Bool {
        argument.first == "-" && Int(argument) != nil
    }
}

extension Set<String> {
    fileprivate func contains(_ name: Substring) -> Bool { contains(String(name)) }
}

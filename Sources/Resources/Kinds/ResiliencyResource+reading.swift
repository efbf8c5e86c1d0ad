import Governance

extension ResiliencyResource {
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> ResiliencyResource? {
        var resource = ResiliencyResource(header: header)
        let spec = document.fields("spec", known: ["policies", "targets"], &report)
        let policies = spec.fields("policies", known: PolicyKind.allCases.map(\.list), &report)
        resource.readTimeouts(policies.fields(PolicyKind.timeout.list, known: nil, &report), &report)
        resource.readCallPolicies(policies, &report)
        resource.readTrafficPolicies(policies, &report)
        resource.readTargets(spec.fields("targets", known: ["apps", "actors", "components"], &report), &report)
        return resource
    }

    /// The policies of a kind, each with its name and its members.
    static func each(
        _ kind: PolicyKind, _ policies: Fields, known: [String], _ report: inout Report, _ body: (String, Fields, inout Report) -> Void
    ) {
        let list = policies.fields(kind.list, known: nil, &report)
        for (name, node) in list.all {
            body(name, Fields(node, path: list.at(name), in: node.mark, known: known, &report), &report)
        }
    }

    private mutating func readTimeouts(_ fields: Fields, _ report: inout Report) {
        for (name, node) in fields.all {
            guard let timeout = fields.duration(name, bareUnit: .milliseconds(1), &report) else { continue }
            if timeout > .zero {
                timeouts[name] = timeout
            } else {
                report.error(node.mark, "\(fields.at(name)) must be longer than nothing; leave it out for no timeout")
            }
        }
    }

    // MARK: Targets

    private mutating func readTargets(_ targets: Fields, _ report: inout Report) {
        if targets["actors"] != nil { unapplied.append(targets.at("actors")) }
        let apps = targets.fields("apps", known: nil, &report)
        for (name, node) in apps.all {
            let known = PolicyKind.forApps.map(\.rawValue) + ["circuitBreakerCacheSize"]
            let target = Fields(node, path: apps.at(name), in: node.mark, known: known, &report)
            // A breaker is the app's here, not one for each method.
            if target["circuitBreakerCacheSize"] != nil { unapplied.append(target.at("circuitBreakerCacheSize")) }
            self.apps[name] = names(target, PolicyKind.forApps, &report)
        }
        let components = targets.fields("components", known: nil, &report)
        for (name, node) in components.all {
            let target = Fields(node, path: components.at(name), in: node.mark, known: ["outbound", "inbound"], &report)
            let outbound = target.fields("outbound", known: PolicyKind.forComponents.map(\.rawValue), &report)
            self.outbound[name] = names(outbound, PolicyKind.forComponents, &report)
            let inbound = target.fields("inbound", known: PolicyKind.forInbound.map(\.rawValue), &report)
            // What an app does not take comes again by its retry policy, whose pauses a breaker would only repeat.
            if inbound["circuitBreaker"] != nil { unapplied.append(inbound.at("circuitBreaker")) }
            self.inbound[name] = names(inbound, PolicyKind.forInbound, &report)
        }
    }

    private func names(_ fields: Fields, _ kinds: [PolicyKind], _ report: inout Report) -> Names {
        var names: Names = [:]
        for kind in kinds {
            guard let named = fields.text(kind.rawValue, &report) else { continue }
            let known = self.names(of: kind)
            guard known.contains(named) else {
                report.error(
                    fields[kind.rawValue]?.mark ?? fields.mark,
                    "\(fields.at(kind.rawValue)) names the policy \"\(named.prefix(80))\", which spec.policies.\(kind.list) does not "
                        + "have\(Spelling.hint(named, in: known.sorted()))")
                continue
            }
            names[kind] = named
        }
        return names
    }
}

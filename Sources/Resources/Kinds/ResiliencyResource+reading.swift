extension ResiliencyResource {
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> ResiliencyResource? {
        var resource = ResiliencyResource(header: header)
        let spec = document.fields("spec", known: ["policies", "targets"], &report)
        let policies = spec.fields("policies", known: ["timeouts", "retries", "circuitBreakers"], &report)
        resource.readTimeouts(policies.fields("timeouts", known: nil, &report), &report)
        let retries = policies.fields("retries", known: nil, &report)
        for (name, node) in retries.all {
            let known = ["policy", "duration", "maxInterval", "maxRetries", "matching"]
            resource.readRetry(name, Fields(node, path: retries.at(name), in: node.mark, known: known, &report), &report)
        }
        if policies["circuitBreakers"] != nil { resource.unapplied.append(policies.at("circuitBreakers")) }
        resource.readTargets(spec.fields("targets", known: ["apps", "actors", "components"], &report), &report)
        return resource
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

    private mutating func readRetry(_ name: String, _ fields: Fields, _ report: inout Report) {
        var retry = Retry()
        if let word = fields.text("policy", &report) {
            if let growth = Retry.Growth(rawValue: word) {
                retry.growth = growth
            } else {
                report.error(
                    fields["policy"]?.mark ?? fields.mark, "\(fields.at("policy")) is \"\(word.prefix(80))\"; it may be constant or exponential")
            }
        }
        func pause(_ member: String, _ usual: Duration) -> Duration {
            guard let found = fields.duration(member, bareUnit: .milliseconds(1), &report) else { return usual }
            if found < .zero { report.error(fields[member]?.mark ?? fields.mark, "\(fields.at(member)) must not be negative") }
            return found
        }
        retry.duration = pause("duration", retry.duration)
        retry.maxInterval = pause("maxInterval", retry.maxInterval)
        if let count = fields.integer("maxRetries", &report) {
            if count < -1 {
                report.error(
                    fields["maxRetries"]?.mark ?? fields.mark, "\(fields.at("maxRetries")) must be 0 or more, or -1 for no limit, not \(count)")
            }
            retry.maxRetries = count < 0 ? nil : count
        }
        if fields["matching"] != nil { unapplied.append(fields.at("matching")) }
        retries[name] = retry
    }

    private mutating func readTargets(_ targets: Fields, _ report: inout Report) {
        for member in ["apps", "actors"] where targets[member] != nil { unapplied.append(targets.at(member)) }
        let fields = targets.fields("components", known: nil, &report)
        for (name, node) in fields.all {
            let target = Fields(node, path: fields.at(name), in: node.mark, known: ["outbound", "inbound"], &report)
            if target["outbound"] != nil { unapplied.append(target.at("outbound")) }
            let policies = target.fields("inbound", known: ["timeout", "retry", "circuitBreaker"], &report)
            if policies["circuitBreaker"] != nil { unapplied.append(policies.at("circuitBreaker")) }
            var inbound = Inbound()
            inbound.timeout = policies.text("timeout", &report)
            inbound.retry = policies.text("retry", &report)
            if let named = inbound.timeout, timeouts[named] == nil {
                missing(named, "timeouts", Array(timeouts.keys), policies, "timeout", &report)
            }
            if let named = inbound.retry, retries[named] == nil {
                missing(named, "retries", Array(retries.keys), policies, "retry", &report)
            }
            components[name] = inbound
        }
    }

    private func missing(
        _ named: String, _ kind: String, _ known: [String], _ fields: Fields, _ member: String, _ report: inout Report
    ) {
        report.error(
            fields[member]?.mark ?? fields.mark,
            "\(fields.at(member)) names the policy \"\(named.prefix(80))\", which spec.policies.\(kind) does not have\(Spelling.hint(named, in: known.sorted()))")
    }
}

import AdminAPI
import Arguments
import Console

/// `octavo policy`
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "What happens to calls: timeouts, retries, circuit breakers, limits, routes.",
        subcommands: [PolicyListCommand.self, PolicyExplainCommand.self])
}

/// `octavo policy list`
struct PolicyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List targets that have been called by policies, with their circuit breakers and counters.",
        discussion: """
            A target appears with its first call, and begins anew when its policies change.

            BREAKER
              closed     calls go through
              open       none do, for the breaker's timeout
              half-open  a few do, to see whether it is over

            EXAMPLES
              octavo policy list
              octavo policy list --json | jq -r '.policies[] | select(.breaker == "open") | .target'
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let list = try admin.client().policies()
        admin.output.write(list) { PolicyView.table(list.policies, on: $0) }
    }
}

/// `octavo policy explain`
struct PolicyExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show which policies a call meets, in their order, and where each comes from.",
        discussion: """
            TARGETS
              app/NAME                 calls of an app
              component/NAME           calls of a component; the same as component/NAME/outbound
              component/NAME/inbound   what a component delivers

            EXAMPLES
              octavo policy explain app/shop
              octavo policy explain component/statestore/outbound
              octavo policy explain component/bus/inbound --json
            """)

    @OptionGroup var admin: AdminFlags
    @Argument(help: "The target: app/NAME or component/NAME/outbound or component/NAME/inbound.", completion: NameCompletion.policyTargets)
    var target: String

    func run() throws {
        let explanation = try admin.client().policy(of: target)
        admin.output.write(explanation) { PolicyView.text(explanation, on: $0) }
    }
}

/// Policies for eyes.
enum PolicyView {
    static func table(_ policies: [PolicySummary], on terminal: Terminal) -> String {
        if policies.isEmpty { return "No target with policies has been called. 'octavo policy explain app/NAME' says what would apply.\n" }
        var table = Table([
            Table.Column("TARGET", canShrink: true), Table.Column("BREAKER"), Table.Column("OPENED", .right), Table.Column("CALLS", .right),
            Table.Column("TRIES", .right), Table.Column("FAILED", .right), Table.Column("RETRIES", .right), Table.Column("TIMEOUTS", .right),
            Table.Column("REFUSED", .right), Table.Column("IN FLIGHT", .right), Table.Column("POLICIES", canShrink: true),
        ])
        func count(_ number: Int) -> String { HumanFormat.count(Int64(number)) }
        for one in policies {
            table.add(
                Table.Cell(one.target),
                Table.Cell(one.breaker ?? "", one.breaker == "open" ? .bad : one.breaker == "half-open" ? .warning : .good),
                Table.Cell(one.breakerOpenings.map(count) ?? ""), Table.Cell(count(one.calls)), Table.Cell(count(one.attempts)),
                Table.Cell(count(one.failures), one.failures > 0 ? .warning : .plain), Table.Cell(count(one.retries)),
                Table.Cell(count(one.timeouts)), Table.Cell(count(one.refused), one.refused > 0 ? .warning : .plain),
                Table.Cell(one.inFlight.map(count) ?? ""),
                Table.Cell(
                    one.policies.map { $0 == "rateLimit" && one.isStoreAway == true ? "\($0) (\(one.rateLimitStore ?? "store") is away)" : $0 }
                        .joined(separator: ", "), one.isStoreAway == true ? .warning : .plain))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    static func text(_ explanation: PolicyExplanation, on terminal: Terminal) -> String {
        var text = "\(explanation.target)\n"
        if explanation.steps.isEmpty { text += "  no policies\n" }
        for (index, step) in explanation.steps.enumerated() {
            text += "\n\(index + 1). " + Style.good.applied(to: step.kind, colour: terminal.colour) + (step.name.map { " \($0)" } ?? "") + "\n"
            var list = FieldList()
            for value in step.values { list.add(value.name, value.value) }
            list.add("because", step.reason)
            list.add("from", step.resource.map { resource in resource + (step.place.map { ", \($0)" } ?? "") })
            text += list.rendered(colour: terminal.colour, indent: 3)
        }
        for note in explanation.notes { text += "\n\(note)\n" }
        return text
    }
}

import AdminAPI
import Arguments
import Console

/// `octavo subscription`
struct SubscriptionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscription",
        abstract: "The topics that the app hears of.",
        subcommands: [SubscriptionListCommand.self])
}

/// `octavo subscription list`
struct SubscriptionListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List subscriptions with what they are doing and what became of their messages.",
        discussion: """
            STATES
              waiting   it is being opened for the first time
              active    messages come
              retrying  it ended or could not be opened, and is tried again, for ever
              paused    the app is not up
              stalled   nothing moves: for a minute the app has answered none of the messages that it has, or the \
            component's plugin does not come back
              stopped   it is not tried again before its resource, the app or the runtime starts anew

            EXAMPLES
              octavo subscription list
              octavo subscription list --json | jq -r '.subscriptions[] | select(.state != "active") | .topic'
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let list = try admin.client().subscriptions()
        admin.output.write(list) { SubscriptionView.table(list.subscriptions, on: $0, now: WallClock.unixMilliseconds) }
    }
}

/// Subscriptions for eyes.
enum SubscriptionView {
    /// - Parameter now: milliseconds since 1970.
    static func table(_ subscriptions: [SubscriptionSummary], on terminal: Terminal, now: Int64) -> String {
        if subscriptions.isEmpty { return "The app subscribes to no topic.\n" }
        var table = Table([
            Table.Column("COMPONENT"), Table.Column("TOPIC", canShrink: true), Table.Column("ORIGIN"), Table.Column("STATE"),
            Table.Column("SINCE", .right), Table.Column("DELIVERED", .right), Table.Column("RETRIED", .right),
            Table.Column("DROPPED", .right), Table.Column("DEAD", .right), Table.Column("IN FLIGHT", .right),
            Table.Column("REASON", canShrink: true),
        ])
        for one in subscriptions {
            table.add(
                Table.Cell(one.component), Table.Cell(one.topic), Table.Cell(one.origin),
                Table.Cell(one.state.rawValue, style(one.state)),
                Table.Cell(HumanFormat.duration(seconds: Double(max(0, now - one.sinceUnixMilliseconds)) / 1_000)),
                Table.Cell(HumanFormat.count(one.delivered)), Table.Cell(HumanFormat.count(one.retried)),
                Table.Cell(HumanFormat.count(one.dropped), one.dropped > 0 ? .warning : .plain),
                Table.Cell(HumanFormat.count(one.deadLettered), one.deadLettered > 0 ? .warning : .plain),
                Table.Cell(HumanFormat.count(Int64(one.inFlight))), Table.Cell(one.reason))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    private static func style(_ state: SubscriptionSummary.State) -> Style {
        switch state {
        case .active: .good
        case .retrying, .stalled, .stopped: .bad
        case .paused, .waiting: .warning
        default: .plain
        }
    }
}

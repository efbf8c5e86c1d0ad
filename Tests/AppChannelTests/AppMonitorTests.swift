import BuildingBlocks
import Testing

@testable import AppChannel

@Suite("The app's health") struct AppMonitorTests {
    private func monitor(probes: Bool = false) -> AppMonitor {
        AppMonitor(probes: probes ? AppChannelOptions.Probes() : nil, portCheckInterval: .seconds(1))
    }

    private func run(_ monitor: inout AppMonitor, _ events: AppMonitor.Event...) -> [AppMonitor.Action] {
        events.reduce(into: []) { $0 = monitor.handle($1) }
    }

    @Test("without probes an app is up once its port accepts, and is asked about itself then")
    func port() {
        var monitor = monitor()
        #expect(monitor.handle(.started) == [.checkPort(after: .zero)])
        #expect(
            monitor.handle(.portRefused("closed")) == [.announce(.waiting(reason: "closed")), .checkPort(after: .milliseconds(50))])
        #expect(monitor.handle(.portRefused("closed")) == [.checkPort(after: .milliseconds(100))])
        #expect(
            monitor.handle(.portAccepted)
                == [.checkPort(after: .seconds(1)), .reached, .announce(.up), .discover(after: .zero)])
        #expect(monitor.handle(.discovered) == [])
        #expect(monitor.handle(.portAccepted) == [.checkPort(after: .seconds(1))])
    }

    @Test("the port is tried at growing intervals, at most a second")
    func backoff() {
        var monitor = monitor()
        var waits: [Duration] = []
        for _ in 0..<8 {
            for case .checkPort(let after) in monitor.handle(.portRefused("closed")) { waits.append(after) }
        }
        #expect(waits == [50, 100, 200, 400, 800, 1000, 1000, 1000].map { .milliseconds($0) })
    }

    @Test("an app that went away and came back is asked again")
    func restart() {
        var monitor = monitor()
        _ = run(&monitor, .started, .portAccepted, .discovered)
        #expect(monitor.handle(.connectionLost(isSteady: false)) == [.checkPort(after: .zero)])
        #expect(
            monitor.handle(.portRefused("gone")) == [.announce(.down(reason: "gone")), .checkPort(after: .milliseconds(50))])
        #expect(monitor.condition == .down(reason: "gone"))
        #expect(
            monitor.handle(.portAccepted) == [.checkPort(after: .seconds(1)), .announce(.up), .discover(after: .zero)])
    }

    @Test("a lost connection alone is no restart for HTTP/1.1, where apps close what is idle; for HTTP/2 it may be one")
    func lostConnection() {
        for isSteady in [false, true] {
            var monitor = monitor()
            _ = run(&monitor, .started, .portAccepted, .discovered)
            #expect(monitor.handle(.connectionLost(isSteady: isSteady)) == [.checkPort(after: .zero)])
            let actions = monitor.handle(.portAccepted)
            #expect(actions.contains(.discover(after: .zero)) == isSteady)
            #expect(monitor.condition == .up)
        }
    }

    @Test("discovery is tried again until it succeeds, unless the app is down")
    func discovery() {
        var monitor = monitor()
        _ = run(&monitor, .started, .portAccepted)
        #expect(monitor.handle(.discoveryFailed) == [.discover(after: .milliseconds(100))])
        #expect(monitor.handle(.discoveryFailed) == [.discover(after: .milliseconds(200))])
        _ = monitor.handle(.portRefused("gone"))
        #expect(monitor.handle(.discoveryFailed) == [])
        #expect(monitor.handle(.portAccepted).contains(.discover(after: .zero)))
        _ = monitor.handle(.discovered)
        #expect(monitor.handle(.discoveryFailed) == [])
    }

    @Test("an answer of an app that is down by now does not count")
    func lateDiscovery() {
        var monitor = monitor()
        _ = run(&monitor, .started, .portAccepted, .portRefused("gone"), .discovered)
        #expect(monitor.handle(.portAccepted).contains(.discover(after: .zero)))
    }

    @Test("with probes an app is up after the first that succeeds, and down after as many failures as the threshold")
    func probes() {
        var monitor = monitor(probes: true)
        #expect(run(&monitor, .started, .portAccepted) == [.reached, .probe(after: .zero)])
        #expect(
            monitor.handle(.probeFailed("503")) == [.announce(.waiting(reason: "503")), .probe(after: .milliseconds(100))])
        #expect(monitor.handle(.probeFailed("503")) == [.probe(after: .milliseconds(200))])
        #expect(
            monitor.handle(.probeSucceeded) == [.announce(.up), .discover(after: .zero), .probe(after: .seconds(5))])
        _ = monitor.handle(.discovered)
        #expect(monitor.handle(.probeFailed("503")) == [.probe(after: .seconds(5))])
        #expect(monitor.handle(.probeFailed("503")) == [.probe(after: .seconds(5))])
        #expect(monitor.handle(.probeFailed("503")) == [.announce(.down(reason: "503")), .probe(after: .seconds(5))])
        #expect(
            monitor.handle(.probeSucceeded) == [.announce(.up), .discover(after: .zero), .probe(after: .seconds(5))])
    }

    @Test("a success between failures begins the count again")
    func recovered() {
        var monitor = monitor(probes: true)
        _ = run(&monitor, .started, .portAccepted, .probeSucceeded, .discovered)
        for _ in 0..<5 {
            _ = run(&monitor, .probeFailed("x"), .probeFailed("x"), .probeSucceeded)
            #expect(monitor.condition == .up)
        }
    }

    @Test("an app whose port is closed is down at once, whatever the threshold, and is probed when it is back")
    func probedPort() {
        var monitor = monitor(probes: true)
        _ = run(&monitor, .started, .portAccepted, .probeSucceeded, .discovered, .connectionLost(isSteady: true))
        #expect(monitor.handle(.portRefused("gone")).contains(.announce(.down(reason: "gone"))))
        #expect(monitor.handle(.probeFailed("late")) == [])
        #expect(monitor.handle(.probeSucceeded) == [])
        #expect(monitor.handle(.portAccepted) == [.probe(after: .zero)])
        #expect(monitor.handle(.probeSucceeded).starts(with: [.announce(.up), .discover(after: .zero)]))
    }

    @Test("whatever happens in whatever order, an app is up only behind an accepted port, and something is always to come",
          arguments: [false, true])
    func random(probes: Bool) {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var monitor = monitor(probes: probes)
            var isOpen = false
            var pending: Set<String> = []
            var history: [AppMonitor.Event] = []
            func take(_ actions: [AppMonitor.Action]) {
                for action in actions {
                    switch action {
                    case .checkPort: pending.insert("port")
                    case .probe: pending.insert("probe")
                    case .discover: pending.insert("discover")
                    case .announce, .reached: break
                    }
                }
            }
            func give(_ event: AppMonitor.Event) {
                history.append(event)
                take(monitor.handle(event))
            }
            give(.started)
            for _ in 0..<30 {
                if Bool.random(using: &generator), Bool.random(using: &generator) {
                    isOpen.toggle()
                    if !isOpen { give(.connectionLost(isSteady: Bool.random(using: &generator))) }
                }
                guard let next = pending.sorted().randomElement(using: &generator) else { break }
                pending.remove(next)
                switch next {
                case "port": give(isOpen ? .portAccepted : .portRefused("x"))
                case "probe": give(isOpen && Bool.random(using: &generator) ? .probeSucceeded : .probeFailed("x"))
                default: give(isOpen ? .discovered : .discoveryFailed)
                }
                #expect(pending.contains("port") || pending.contains("probe"), "nothing is to come after \(history)")
                if monitor.condition.isUp { #expect(history.contains(.portAccepted), "\(history)") }
            }
        }
    }
}

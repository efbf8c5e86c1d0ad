import Components
import Glibc
import Logging
import NIOCore
import NIOPosix

/// What a helper costs, and one caller's time in process and through a helper process, whose threads are put where a row
/// says. Prints JSON, microseconds.
enum IsolationBench {
    static func run(_ plugin: String, type: String, folder: String, logger: Logger) async throws {
        let cores = processors()
        guard let first = cores.first, let second = cores.dropFirst().first else { fail("it takes two processors") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let loop = try await eventLoop.submit { [logger] in
            NIOLoopBound(CallLoop(eventLoop: eventLoop, index: 0, logger: logger)!, eventLoop: eventLoop)
        }.get()
        // Before anything is pinned.
        let birth = HelperBirth.measure(plugin, host: ownFolder() + "/octavo-plugin-host")
        var rows = [("helper_ready_us", birth.ready), ("helper_pss_bytes", birth.memory)]
        for isIsolated in [false, true] {
            // Before the loop has a processor of its own: the helper looks at how many it may use.
            var options = ComponentStore.Options(
                pluginFolders: [], dataFolder: folder + (isIsolated ? "/a" : "/b"), appID: "bench", namespace: "")
            mkdir(options.dataFolder, 0o700)
            options.isolation.everything = isIsolated
            options.isolation.host = ownFolder() + "/octavo-plugin-host"
            let store = try ComponentStore(options: options, loops: [loop], logger: logger)
            _ = try await store.load(path: plugin)
            let name = isIsolated ? "isolated" : "here"
            try await store.add(ComponentDefinition(name: name, type: type))
            while await store.componentFacts().first?.state != "ready" { try await Task.sleep(for: .milliseconds(1)) }
            try await eventLoop.submit { pin(0, to: first) }.get()
            func row(_ row: String, calls: Int, pause: TimeAmount?) async throws {
                rows.append((row, middle(try await times(name, loop, calls: calls, pause: pause))))
            }
            if isIsolated {
                guard let pid = await store.pluginFacts().first?.isolation?.pid else { fail("it does not run isolated") }
                pinProcess(pid, to: second)
                try await row("isolated_hot_us", calls: 100_000, pause: nil)
                try await row("isolated_asleep_other_us", calls: 1000, pause: .microseconds(500))
                pinProcess(pid, to: first)
                try await row("isolated_asleep_same_us", calls: 1000, pause: .microseconds(500))
            } else {
                try await row("in_process_us", calls: 100_000, pause: nil)
                try await row("in_process_paused_us", calls: 1000, pause: .microseconds(500))
            }
            await store.shutdown()
        }
        print("{" + rows.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}")
        try await eventLoop.submit { loop.value.close() }.get()
        try await group.shutdownGracefully()
    }

    private static func times(_ component: String, _ loop: NIOLoopBound<CallLoop>, calls: Int, pause: TimeAmount?) async throws -> [Int64] {
        try await loop.eventLoop.flatSubmit {
            let done = loop.eventLoop.makePromise(of: [Int64].self)
            guard let ref = loop.value.component(named: component) else { fail("there is no component") }
            LoneCaller(
                ref, on: loop.eventLoop, key: Array("bench||key-of-the-benchmark".utf8), calls: calls, pause: pause, done: done
            ).next()
            return done.futureResult
        }.get()
    }
}

import COctavo
import Components
import Glibc
import NIOConcurrencyHelpers

/// The parts that call operations of an instance.
struct CallsPart {
    let task: CheckTask
    let events: EventWriter

    /// What the texts of made-up requests begin with. Types of one plugin may share a server, where a key of one is none of another.
    private var scope: String {
        let kind = octavo_kind_at(task.type?.kind ?? -1).map { String(cString: $0.pointee.name) } ?? ""
        return "octavo-check-\(kind)-"
    }

    func run() async throws {
        guard let type = task.type else { return }
        let bench = try await CheckStore(task)
        _ = try await bench.load()
        events.doing("create and start of an instance of \(type.name)")
        let caller = try await bench.component(of: type)
        switch task.part {
        case .conformance: try await conformance(caller)
        case .requests: try await requests(bench, caller)
        case .concurrency: try await concurrency(bench, caller, type)
        case .cancel: try await cancel(bench, caller)
        case .reload: try await reload(bench, caller)
        case .kill: try await kill(bench, caller)
        case .budget: try await budget(caller)
        case .load, .life: break
        }
        if task.part != .cancel { await completions(bench, caller) }
        events.doing("stop and destroy of an instance of \(type.name)")
        await bench.close()
    }

    /// No call was completed twice, or after the instance had ended.
    private func completions(_ bench: CheckStore, _ caller: ComponentCaller) async {
        let check = "every call is completed once"
        let forgotten = await bench.callsInFlight()
        guard forgotten == 0 else {
            return events.failed(check, "\(forgotten) calls have not been completed.", "octavo_host.h: complete")
        }
        // The first completion of a call whose time was over comes too late, and is no second one.
        let late = UInt64(caller.expired.value)
        let all = await bench.plugin()?.staleCompletions ?? 0
        let stale = all > late ? all - late : 0
        // The runtime ends what was open at a reload or a death in the plugin's place.
        guard stale == 0 || [.reload, .kill, .concurrency].contains(task.part) else {
            return events.failed(
                check, "\(stale) completions were for calls that had been completed before.", "octavo_host.h: complete")
        }
        events.passed(check)
    }

    // MARK: Conformance

    private func conformance(_ caller: ComponentCaller) async throws {
        let cases = ConformanceCase.all(kind: caller.kind)
        let kind = octavo_kind_at(caller.kind).map { String(cString: $0.pointee.name) } ?? ""
        if cases.isEmpty {
            events.write(.skipped(check: "cases of the kind", reason: "there are none of \(kind); made-up requests are sent instead"))
        }
        for (number, one) in cases.enumerated() {
            guard caller.features & one.needs == one.needs else {
                events.write(.skipped(check: one.name, reason: "the type does not have the feature"))
                continue
            }
            events.doing("the case \"\(one.name)\"")
            do {
                try await onThread { try one.run(caller, scope: "octavo-check-\(getpid())-\(number)||") }
                events.passed(one.name)
            } catch let failure as PluginFailure where failure.reason == "NOT_WRITTEN" {
                // What `octavo plugin new` has left to do.
                events.write(.skipped(check: one.name, reason: "an operation has not been written yet"))
            } catch {
                events.failed(one.name, CheckWorker.sentence(of: error), one.section)
                // Each further case would wait for its end, too.
                if (error as? PluginFailure)?.code == OCTAVO_CODE_DEADLINE_EXCEEDED { return }
            }
        }
    }

    // MARK: Requests

    private func requests(_ bench: CheckStore, _ caller: ComponentCaller) async throws {
        for op in CheckedOperation.all(kind: caller.kind) {
            let check = "\(op.name) takes any request"
            if let reason = op.omitted {
                events.write(.skipped(check: check, reason: reason))
                continue
            }
            guard caller.features & op.feature == op.feature else {
                events.write(.skipped(check: check, reason: "the type does not have the feature"))
                continue
            }
            var findings: [String] = []
            var isOffered = true
            for shape in RequestShape.allCases where !op.isDangerous(shape) && isOffered {
                events.doing("\(op.name) with \(shape.text)")
                let ending = try await onThread { () throws -> PluginFailure? in
                    let placement = task.mode == .inProcess && shape != .many ? Arena.Placement.beforeGuard : .heap
                    let arena = Arena(placement)
                    let request = RequestMaker(shape, in: arena, scope: scope).request(caller.info(op.number).request)
                    let waiter = caller.begin(op.number, request, placed: task.mode == .inProcess ? arena : nil)
                    do {
                        try waiter.wait()
                        return nil
                    } catch let failure as PluginFailure {
                        // The plugin has not completed it, and may still read the request.
                        if failure.code == OCTAVO_CODE_DEADLINE_EXCEEDED { _ = Unmanaged.passRetained(arena) }
                        return failure
                    }
                }
                if let ending, ending.reason == "NOT_SUPPORTED" {
                    isOffered = false
                    if op.feature != 0 {
                        findings.append("The type has the feature of \(op.name), but its table has no such operation.")
                    } else {
                        events.write(.skipped(check: check, reason: "the type does not offer it"))
                    }
                    continue
                }
                events.write(.outcome(call: "\(op.name) with \(shape.text)", ending: word(ending)))
                if ending?.code == OCTAVO_CODE_DEADLINE_EXCEEDED { isOffered = false }
                if let ending { findings += problems(ending, of: "\(op.name) with \(shape.text)") }
            }
            if isOffered || !findings.isEmpty { events.outcome(check, findings, "octavo_types.h: octavo_error; octavo_host.h: complete") }
        }
    }

    private func word(_ ending: PluginFailure?) -> String {
        guard let ending else { return "OK" }
        return codeNames[Int(ending.code)] ?? "code \(ending.code)"
    }

    /// What is wrong with an error.
    private func problems(_ error: PluginFailure, of call: String) -> [String] {
        if error.reason == "MALFORMED_REPLY" || error.reason == "PLUGIN_BREACH" { return ["\(call): \(error.message)."] }
        if error.reason == "PLUGIN_CRASHED" { return ["\(call) has ended the plugin's process: \(error.message)"] }
        if error.code == OCTAVO_CODE_DEADLINE_EXCEEDED { return ["\(call) was not completed within 5 s."] }
        var found: [String] = []
        if !(1...16).contains(error.code) { found.append("\(call) ended with the error code \(error.code); codes are 1 to 16.") }
        if error.message.isEmpty || error.message == "failed without saying why" {
            found.append("\(call) ended with an error that has no message.")
        }
        return found
    }

    // MARK: Many callers

    /// The operations that plain requests can be sent to, those that change things among them.
    private func plainOperations(_ caller: ComponentCaller) -> [CheckedOperation] {
        CheckedOperation.all(kind: caller.kind).filter {
            $0.omitted == nil && caller.features & $0.feature == $0.feature && $0.name != "remove_prefix"
        }
    }

    /// Calls from several threads at once; the endings that no plugin may give.
    private func load(
        _ caller: ComponentCaller, calls: Int, until stop: NIOLockedValueBox<Bool>? = nil, allowed: Set<Int32> = []
    ) throws -> (calls: Int, findings: [String]) {
        let operations = plainOperations(caller)
        let findings = NIOLockedValueBox<[String]>([])
        let made = Counter()
        guard !operations.isEmpty else { return (0, []) }
        try inThreads(8) { thread in
            var round = 0
            while stop.map({ !$0.withLockedValue { $0 } }) ?? (round < calls) {
                let op = operations[(round + thread) % operations.count]
                let arena = Arena()
                let request = RequestMaker(.plain, in: arena, scope: "\(scope)\(thread)-").request(caller.info(op.number).request)
                let waiter = caller.begin(op.number, request)
                guard waiter.wait(seconds: 15) else {
                    findings.withLockedValue { $0.append("A call of \(op.name) has had no end at all for 15 s.") }
                    return
                }
                made.add()
                round += 1
                do {
                    try waiter.wait()
                } catch let failure as PluginFailure {
                    if failure.reason == "NOT_SUPPORTED" || allowed.contains(failure.code) { continue }
                    let problems = problems(failure, of: "\(op.name) among \(8) callers")
                    findings.withLockedValue { if $0.count < 5 { $0 += problems } }
                }
            }
        }
        return (made.value, findings.withLockedValue { $0 })
    }

    private func concurrency(_ bench: CheckStore, _ caller: ComponentCaller, _ type: CheckedType) async throws {
        events.doing("operations of 8 callers at once")
        let (_, findings) = try await onThread { try load(caller, calls: 200) }
        events.outcome("8 callers at once get proper answers", findings, "octavo_plugin.h: OCTAVO_EXECUTION_*")

        events.doing("stop and destroy of an instance under calls")
        let stop = NIOLockedValueBox(false)
        let allowed: Set<Int32> = [OCTAVO_CODE_UNAVAILABLE, OCTAVO_CODE_NOT_FOUND, OCTAVO_CODE_CANCELLED]
        async let under = onThread { try load(caller, calls: 0, until: stop, allowed: allowed) }
        var failure: (any Error)?
        do {
            for _ in 0..<10 {
                events.doing("stop and destroy of an instance under calls")
                try await bench.store.remove("checked")
                events.doing("create and start of an instance under calls")
                _ = try await bench.component(of: type)
                try await Task.sleep(for: .milliseconds(5))
            }
        } catch { failure = error }
        stop.withLockedValue { $0 = true }
        let outcome = try await under
        if let failure { throw failure }
        events.outcome(
            "an instance can be ended under calls", outcome.findings + bench.leftovers, "octavo_plugin.h: octavo_life.stop, destroy")
    }

    // MARK: Faults

    private func cancel(_ bench: CheckStore, _ caller: ComponentCaller) async throws {
        let check = "calls that nobody waits for any more are completed all the same"
        events.doing("calls that are cancelled or out of time")
        try await onThread {
            for round in 0..<400 {
                for op in plainOperations(caller) {
                    let request = RequestMaker(.plain, in: Arena(), scope: scope)
                    let structure = request.request(caller.info(op.number).request)
                    let waiter =
                        round % 2 == 0
                        ? caller.begin(op.number, structure, fate: .cancelled)
                        : caller.begin(op.number, structure, patience: .microseconds(round))
                    guard waiter.wait(seconds: 15) else { throw CaseFailure(description: "\(op.name) had no end for 15 s after it was cancelled.") }
                }
            }
        }
        let left = await bench.callsInFlight(after: 10)
        events.outcome(
            check, left == 0 ? [] : ["\(left) calls that were cancelled or ran out of time have not been completed within 10 s."],
            "octavo_plugin.h: octavo_life.cancel; octavo_host.h: complete")
    }

    private func reload(_ bench: CheckStore, _ caller: ComponentCaller) async throws {
        guard let id = await bench.plugin()?.id else { return }
        events.doing("reload under load")
        let stop = NIOLockedValueBox(false)
        async let under = onThread { try load(caller, calls: 0, until: stop) }
        var findings: [String] = []
        for _ in 0..<5 {
            do {
                _ = try await bench.store.reload(id)
            } catch {
                findings.append("A reload under load failed: \(error).")
                break
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        stop.withLockedValue { $0 = true }
        let outcome = try await under
        events.outcome(
            "5 reloads under load lose no call", findings + outcome.findings + bench.leftovers,
            "octavo_plugin.h: octavo_life.drain, stop; handoff.h")
    }

    private func kill(_ bench: CheckStore, _ caller: ComponentCaller) async throws {
        let check = "after its process was killed it answers again, and every call has an end"
        let state = StateCalls(caller)
        let isStore = caller.kind == OCTAVO_KIND_STATE
        var findings: [String] = []
        for round in 0..<5 {
            events.doing("operations in the middle of which the plugin's process is killed")
            let stop = NIOLockedValueBox(false)
            // A killed process may have done a write; its caller is told so.
            async let under = onThread { try load(caller, calls: 0, until: stop, allowed: [OCTAVO_CODE_UNAVAILABLE]) }
            try await Task.sleep(for: .milliseconds(20))
            let key = "octavo-check-kill-\(round)"
            if isStore { try await onThread { _ = try state.write(.set(key, "acknowledged")) } }
            let before = await bench.plugin()?.isolation?.pid ?? 0
            if before > 0 { _ = Glibc.kill(before, SIGKILL) }
            let limit = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < limit, [0, before].contains(await bench.plugin()?.isolation?.pid ?? 0) {
                try await Task.sleep(for: .milliseconds(1))
            }
            stop.withLockedValue { $0 = true }
            findings += try await under.findings
            guard ContinuousClock.now < limit else {
                findings.append("Ten seconds after SIGKILL there was no process of the plugin: \(await bench.plugin()?.reason ?? "").")
                break
            }
            guard isStore else { continue }
            let value = try await onThread { try state.get(key)?.value }
            if let value, value != Array("acknowledged".utf8) {
                findings.append("A key that was written before SIGKILL holds \(shown(value)) after it, not \"acknowledged\".")
            }
        }
        events.outcome(check, findings, "plugin ABI: isolation; octavo_plugin.h: octavo_life.create, start")
    }

    // MARK: Time

    /// Half of the calls may not take longer: one alone may be the machine's fault.
    private func budget(_ caller: ComponentCaller) async throws {
        var findings: [String] = []
        for op in plainOperations(caller) {
            events.doing("\(op.name), timed")
            let times = try await onThread { () -> [Int64] in
                try (0..<41).map { _ in
                    let request = RequestMaker(.plain, in: Arena(), scope: scope)
                    let structure = request.request(caller.info(op.number).request)
                    return try caller.timed(op.number, structure)
                }
            }
            let median = times.sorted()[times.count / 2]
            if median > 1_000_000 {
                findings.append(
                    "\(op.name) holds its event loop for \(Double(median / 10_000) / 100) ms (median of \(times.count) calls); "
                        + "an inline operation has 1 ms. Make the type BLOCKING or REACTOR.")
            }
        }
        events.outcome("inline operations take less than 1 ms", findings, "octavo_plugin.h: OCTAVO_EXECUTION_INLINE")
    }
}

import COctavo
import COctavoHost
import COctavoIsolation
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// The process of an isolated plugin generation: starts it, starts it again when it dies, ends it.
///
/// Sendable: the pointer is constant and what it points at has its own locks; the rest is constant or
/// behind a lock.
package final class IsolatedPlugin: @unchecked Sendable {
    let memory: IsolatedMemory
    var raw: OpaquePointer { memory.raw }
    private let path: String
    private let logger: Logger
    private let onCrash: (@Sendable (CrashFacts) -> Void)?
    private let generation: Int
    private let reason: String
    private let settings: PluginIsolation
    /// Where its processes have their control groups, or why they have none.
    private let cgroup: Result<CgroupPlace, CgroupSearch.Failure>
    private let isDelegated: Bool
    let group: String?
    private var loops: [IsolatedLoop] = []
    private let state: NIOLockedValueBox<State>

    private struct State {
        var policy: RestartPolicy
        /// A thread is starting a process.
        var isSupervised = false
        /// The process has died while that thread was at work.
        var hasDiedAgain = false
        var isEnding = false
        var isFreed = false
        /// Processes whose end has not been told yet.
        var alive = 0
        var helper: UInt = 0
        /// Loaded, and waiting for the one that serves to die; 0: none.
        var spare: UInt = 0
        /// A thread is starting one.
        var isSparing = false
        var pid: Int32 = 0
        var startedAt: Int64 = 0
        var restarts = 0
        var lastEnd = ""
        var isLooping = false
        var cgroup = CgroupState()
    }

    /// What lists show of it.
    package struct Facts: Sendable {
        /// 0 while there is none.
        package var pid: Int32
        package var restarts: Int
        /// How the last process ended.
        package var lastEnd: String
        package var isRestarting: Bool
        package var isLooping: Bool
        /// Who wanted it isolated.
        package var reason: String
        /// Bytes of its own, a tenth of a second ago; 0 while there is no process.
        package var memory: UInt64
        package var descriptors: Int
        package var limits: [String]
        /// Processes that wait to take over.
        package var spares: Int
        /// The group whose plugins share it.
        package var group: String?
        /// Where each component has a process of its own: those.
        package var processes: [(component: String, pid: Int32, memory: UInt64)] = []
    }

    private static let restartReason = "the operator asked for a restart"

    /// Loading a plugin does no I/O but that of the loader; a component's start has its own limit.
    static let loading = Duration.seconds(10)

    /// Starts the first process. Blocks; on a control thread.
    static func start(
        path: String, original: String, generation: Int, _ isolation: LoadedPlugin.Isolation
    ) throws(PluginError) -> IsolatedPlugin {
        guard let host = isolation.options.host else {
            throw .loading(
                path: original,
                cause: "it is to run isolated, and octavo-plugin-host is neither beside the executable nor in "
                    + "../lib/octavo; install it")
        }
        HostEvents.install()
        guard let plugin = IsolatedPlugin(path: path, host: host, generation: generation, isolation) else {
            throw .loading(path: original, cause: "there is no memory for an isolated plugin")
        }
        if let cause = plugin.launch() {
            plugin.state.withLockedValue { $0.isEnding = true }
            // The thread that listened to a process may be about to tell of its end.
            Task { [plugin] in _ = await plugin.end() }
            throw .loading(path: original, cause: cause)
        }
        plugin.provideSpare()
        return plugin
    }

    private init?(path: String, host: String, generation: Int, _ isolation: LoadedPlugin.Isolation) {
        let loops = isolation.loops
        self.path = path
        self.generation = generation
        reason = isolation.reason
        settings = isolation.settings
        if case .folder = isolation.options.cgroup { isDelegated = true } else { isDelegated = false }
        group = isolation.settings.group
        cgroup = Self.cgroup(isolation)
        onCrash = isolation.options.onCrash
        logger = isolation.logger
        state = NIOLockedValueBox(State(policy: RestartPolicy(loopLimit: isolation.options.crashLoopLimit)))
        let context = UnsafeMutablePointer<Unmanaged<IsolatedPlugin>?>.allocate(capacity: 1)
        context.initialize(to: nil)
        var events = octavo_isolated_events(
            ended: { context, helper, end in
                context.assumingMemoryBound(to: Unmanaged<IsolatedPlugin>?.self).pointee?
                    .takeUnretainedValue().ended(helper, end.pointee)
            },
            turn: { context, loop in
                context.assumingMemoryBound(to: Unmanaged<IsolatedPlugin>?.self).pointee?
                    ._withUnsafeGuaranteedRef { $0.loops[Int(loop)].turn() }
            })
        let made = settings.limits.withRaw(in: try? cgroup.get()) { octavo_isolated_new(host, path, UInt32(loops.count), $0, &events, context) }
        guard let raw = made else {
            context.deallocate()
            return nil
        }
        let memory = IsolatedMemory(raw, context: context)
        self.memory = memory
        self.loops = loops.enumerated().map { IsolatedLoop(memory, index: $0.offset, call: $0.element) }
        // Whoever gives up waiting for its end may let go of it; the C side calls it until then.
        context.pointee = Unmanaged.passRetained(self)
    }

    /// What a plugin in it offers; 0 is the first one.
    func descriptor(of member: UInt32) -> UnsafePointer<octavo_plugin> { octavo_isolated_descriptor(raw, member) }

    /// For logs: of the plugin, or of the group of plugins that share it.
    private var name: String { group.map { "group \($0)" } ?? String(descriptor(of: 0).pointee.id) }

    var facts: Facts {
        state.withLockedValue { state in
            let usage = state.pid == 0 ? octavo_usage() : OpaquePointer(bitPattern: state.helper).map { octavo_helper_usage($0) }
            return Facts(
                pid: state.pid, restarts: state.restarts, lastEnd: state.lastEnd, isRestarting: state.isSupervised,
                isLooping: state.isLooping, reason: reason, memory: usage?.memory ?? 0, descriptors: Int(usage?.descriptors ?? 0),
                limits: settings.limits.description(state.cgroup), spares: state.spare == 0 ? 0 : 1, group: group)
        }
    }

    // MARK: Starting

    /// Starts a process and gives the calls to it. Returns why that failed. Blocks.
    private func launch() -> String? {
        var text = [CChar](repeating: 0, count: 512)
        let room = UInt64(text.count)
        let timeout = Int64(IsolatedPlugin.loading / .nanoseconds(1))
        // Taken before it is looked at: a spare that has just died is told of as any other process.
        guard let helper = takeSpare() ?? startProcess(asSpare: false, &text) else { return Self.string(text) }
        defer { octavo_helper_release(helper) }
        guard octavo_helper_adopt(helper, timeout, &text, room) == 0 else {
            octavo_helper_kill(helper, "a component could not be started again in it")
            return Self.string(text)
        }
        let isWanted = state.withLockedValue { state in
            guard !state.isEnding, !state.hasDiedAgain else { return false }
            octavo_helper_retain(helper)
            if let before = OpaquePointer(bitPattern: state.helper) { octavo_helper_release(before) }
            state.helper = UInt(bitPattern: helper)
            state.pid = octavo_helper_pid(helper)
            state.startedAt = monotonicNanoseconds()
            return true
        }
        guard isWanted else {
            octavo_helper_quit(helper)
            return "it ended at once"
        }
        for loop in loops { loop.attach(helper) }
        return nil
    }

    /// A process that has loaded the plugin, counted among the living.
    private func startProcess(asSpare: Bool, _ text: inout [CChar]) -> OpaquePointer? {
        let timeout = Int64(IsolatedPlugin.loading / .nanoseconds(1))
        // Before it can end: who waits for the last end must not think that there is none to come.
        state.withLockedValue { $0.alive += 1 }
        var wasTold: Int32 = 0
        guard let helper = octavo_helper_start(raw, timeout, asSpare ? 1 : 0, &wasTold, &text, UInt64(text.count)) else {
            // One that was ready, and lacked another plugin of its group, was taken off in `ended`.
            if wasTold == 0 { state.withLockedValue { $0.alive -= 1 } }
            return nil
        }
        let cgroup = cgroupState(of: helper)
        let isNews = state.withLockedValue { state in
            defer { state.cgroup = cgroup }
            return state.cgroup != cgroup
        }
        if isNews { tell(cgroup) }
        octavo_helper_log_level(helper, HostEvents.level(of: logger.logLevel))
        return helper
    }

    // MARK: Control groups

    private static func cgroup(_ isolation: LoadedPlugin.Isolation) -> Result<CgroupPlace, CgroupSearch.Failure> {
        Result { () throws(CgroupSearch.Failure) in
            let place = try CgroupSearch().place(isolation.options.cgroup, wanted: isolation.settings.limits.controllers)
            CgroupSystem.removeAbandoned(in: place.folder)
            return place
        }
    }

    private func cgroupState(of helper: OpaquePointer) -> CgroupState {
        var text = [CChar](repeating: 0, count: 256)
        let bits = octavo_helper_cgroup(helper, &text, UInt64(text.count))
        var state = CgroupState(
            limits: CgroupControllers(rawValue: bits & ~OCTAVO_CGROUP_PLACED), isPlaced: bits & OCTAVO_CGROUP_PLACED != 0,
            cause: Self.string(text))
        // Whoever has asked for nothing that a group could keep need not hear that there is none.
        guard state.cause.isEmpty, !settings.limits.controllers.subtracting(state.limits).isEmpty else { return state }
        switch cgroup {
        case .success(let place): state.cause = place.cause
        case .failure(let failure): state.cause = failure.description
        }
        return state
    }

    /// A limit that nothing keeps is worth a warning, and so is a folder that was named for nothing.
    private func tell(_ cgroup: CgroupState) {
        guard !cgroup.cause.isEmpty else { return }
        let isLacking = settings.limits.milliCPUs != nil && !cgroup.limits.contains(.cpu)
        logger.log(
            level: isLacking || !cgroup.isPlaced && isDelegated ? .warning : .debug,
            isLacking ? "the limit of CPUs of an isolated plugin is not in force" : "control groups do not keep all limits of an isolated plugin",
            metadata: ["plugin": "\(path.split(separator: "/").last ?? "")", "cause": "\(cgroup.cause)"])
    }

    // MARK: Spares

    private func takeSpare() -> OpaquePointer? {
        let spare = state.withLockedValue { state in
            defer { state.spare = 0 }
            if let spare = OpaquePointer(bitPattern: state.spare) { octavo_helper_set_mark(spare, 0) }
            return state.spare
        }
        return OpaquePointer(bitPattern: spare)
    }

    /// Starts a process that waits, if the operator wants one and there is none. Its start costs the processor
    /// time of the loader, which those who have just been answered again need more: it comes a little later.
    private func provideSpare() {
        guard settings.spares > 0 else { return }
        let isMine = state.withLockedValue { state in
            guard state.spare == 0, !state.isSparing, !state.isEnding else { return false }
            state.isSparing = true
            return true
        }
        guard isMine else { return }
        Task.detached { [self] in
            try? await Task.sleep(for: .milliseconds(50))
            await ControlThread.run(within: IsolatedPlugin.loading * 2) { [self] in
                var text = [CChar](repeating: 0, count: 512)
                let isWanted = !state.withLockedValue { $0.isEnding }
                let made = isWanted ? startProcess(asSpare: true, &text) : nil
                let isKept = state.withLockedValue { state in
                    state.isSparing = false
                    guard let made, !state.isEnding, octavo_helper_is_alive(made) != 0 else { return false }
                    state.spare = UInt(bitPattern: made)
                    return true
                }
                // One that has died meanwhile was told of in `ended`.
                if let made, !isKept {
                    octavo_helper_quit(made)
                    octavo_helper_release(made)
                } else if made == nil, isWanted {
                    logger.warning(
                        "there is no spare process for an isolated plugin",
                        metadata: ["plugin": "\(name)", "cause": "\(Self.string(text))"])
                }
            }
        }
    }

    /// Whether the process that has ended is the spare one, which nobody misses; then there is none.
    private func wasSpare(_ helper: OpaquePointer) -> Bool {
        let (was, isOurs) = state.withLockedValue { state in
            let isOurs = state.spare == UInt(bitPattern: helper)
            if isOurs { state.spare = 0 }
            return (octavo_helper_mark(helper) != 0, isOurs)
        }
        if isOurs { octavo_helper_release(helper) }
        return was
    }

    static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Dying

    /// A process has ended. On the thread that listened to it, which may block.
    private func ended(_ helper: OpaquePointer, _ end: octavo_helper_end) {
        // The last that this thread does here: whoever ends the plugin waits for it.
        defer { state.withLockedValue { $0.alive -= 1 } }
        if wasSpare(helper) {
            let isEnding = state.withLockedValue { $0.isEnding }
            if !isEnding {
                report(end, pid: octavo_helper_pid(helper), cause: Self.describe(end))
                logger.warning(
                    "the spare process of an isolated plugin has ended; there is none until the next restart",
                    metadata: ["plugin": "\(name)", "cause": "\(Self.describe(end))"])
            }
            return
        }
        let hasLied = strncmp(end.reason, "protocol violation", 18) == 0
        let isFault = [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE].contains(end.signal)
        let trust = hasLied ? OCTAVO_TRUST_NONE : isFault ? OCTAVO_TRUST_MARGIN : OCTAVO_TRUST_WHOLE
        let isFinal = state.withLockedValue { $0.isEnding }
        // Whoever kills it from outside blames no request; nor does the operator who wants a new start.
        let blames = !isFinal && end.was_asked == 0 && !(end.signal == SIGKILL && end.reason.pointee == 0)
            && !(end.box?.pointee.code == 0 && end.box?.pointee.signal != 0) && String(cString: end.reason) != Self.restartReason
        for loop in loops { loop.detach(helper, trust: trust, culprit: end.culprit, blames: blames, isFinal: isFinal) }
        let cause = Self.describe(end)
        let pid = octavo_helper_pid(helper)
        enum Next { case nothing, restart }
        let next: Next = state.withLockedValue { state in
            state.lastEnd = cause
            state.pid = 0
            if state.isEnding { return .nothing }
            if state.isSupervised {
                state.hasDiedAgain = true
                return .nothing
            }
            state.isSupervised = true
            return .restart
        }
        if !isFinal { report(end, pid: pid, cause: cause) }
        guard case .restart = next else { return }
        logger.error(
            "the process of an isolated plugin has ended; starting it again",
            metadata: ["plugin": "\(name)", "pid": "\(pid)", "cause": "\(cause)"])
        supervise()
    }

    private func report(_ end: octavo_helper_end, pid: Int32, cause: String) {
        guard let onCrash else { return }
        var facts = CrashFacts(end.box?.pointee)
        facts.plugin = name
        if group == nil { facts.version = String(descriptor(of: 0).pointee.version) }
        facts.generation = generation
        facts.processID = pid
        facts.cause = cause
        facts.signal = end.signal
        facts.exitCode = end.code
        facts.memory = end.usage.memory
        facts.descriptors = Int(end.usage.descriptors)
        facts.limits = settings.limits.description(state.withLockedValue { $0.cgroup })
        facts.note(end)
        facts.uptimeSeconds = Double(monotonicNanoseconds() - state.withLockedValue { $0.startedAt }) / 1e9
        // Those who wait for the next process don't wait for this. The names of functions cost a reading of files and
        // come when it serves; if this runtime ends before, the report has none.
        ControlThread.start { [facts] in
            var facts = facts
            facts.backtrace = facts.places
            onCrash(facts)
            usleep(200_000)
            facts.nameFrames()
            onCrash(facts)
        }
    }

    private static func describe(_ end: octavo_helper_end) -> String {
        let reason = String(cString: end.reason)
        if !reason.isEmpty { return reason }
        guard end.signal != 0 else { return "it ended by itself with code \(end.code)" }
        let name = signalName(end.signal)
        guard let box = end.box?.pointee, box.signal == end.signal else { return name }
        return "\(name) at address 0x\(String(box.address, radix: 16))"
    }

    /// Starts processes until one lives. Blocks.
    private func supervise() {
        while true {
            let now = Double(monotonicNanoseconds()) / 1e9
            let (pause, isLooping) = state.withLockedValue { state in
                let pause = state.policy.died(at: now)
                let isLooping = state.policy.isLooping(at: now)
                state.isLooping = isLooping
                return (pause, isLooping)
            }
            if isLooping {
                for loop in loops { loop.refuse(keepsDying: true) }
                logger.error(
                    "an isolated plugin keeps dying; it is tried every 30 s",
                    metadata: ["plugin": "\(name)", "cause": "\(facts.lastEnd)"])
            }
            wait(pause)
            let failure = state.withLockedValue { $0.isEnding } ? nil : launch()
            let isDone = state.withLockedValue { state in
                if state.isEnding {
                    state.isSupervised = false
                    return true
                }
                if failure == nil, !state.hasDiedAgain {
                    state.restarts += 1
                    state.isSupervised = false
                    state.isLooping = false
                    return true
                }
                if let failure { state.lastEnd = failure }
                state.hasDiedAgain = false
                return false
            }
            if isDone {
                provideSpare()
                return
            }
        }
    }

    /// Waits until a process serves; not longer than that time.
    func awaitProcess(until limit: Int64) {
        while monotonicNanoseconds() < limit, state.withLockedValue({ $0.pid == 0 && !$0.isEnding && !$0.isLooping }) { usleep(1000) }
    }

    /// Sleeps, unless the plugin is to end or to be started at once.
    private func wait(_ pause: Duration) {
        let until = monotonicNanoseconds() + Int64(pause / .nanoseconds(1))
        while monotonicNanoseconds() < until {
            if state.withLockedValue({ $0.isEnding || ($0.isLooping == false && $0.policy.count == 0) }) { return }
            usleep(5000)
        }
    }

    /// Ends the pause of a plugin that keeps dying, or the process that runs, and starts a new one.
    func restart() {
        let helper = state.withLockedValue { state -> UInt in
            state.policy.forget()
            state.isLooping = false
            guard !state.isSupervised, let helper = OpaquePointer(bitPattern: state.helper) else { return 0 }
            octavo_helper_retain(helper)
            return state.helper
        }
        guard let helper = OpaquePointer(bitPattern: helper) else { return }
        octavo_helper_kill(helper, Self.restartReason)
        octavo_helper_release(helper)
    }

    // MARK: The end

    /// Ends the process, which has no instances any more. Returns why that was not possible.
    func end() async -> String? {
        let helper = state.withLockedValue { state -> UInt in
            state.isEnding = true
            return state.helper
        }
        if let helper = OpaquePointer(bitPattern: helper) { octavo_helper_quit(helper) }
        if let spare = takeSpare() {
            octavo_helper_quit(spare)
            octavo_helper_release(spare)
        }
        let patience = ContinuousClock.now + .seconds(5)
        while !isOver {
            if ContinuousClock.now > patience {
                if let helper = OpaquePointer(bitPattern: helper) {
                    octavo_helper_kill(helper, "it did not end when it was asked to")
                }
            }
            if ContinuousClock.now > patience + .seconds(5) {
                // It ends some time, and then nobody else is there to clean up.
                Task { await self.freeWhenOver() }
                return "its process has not ended"
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
        for loop in loops { await loop.settled() }
        free()
        return nil
    }

    private func freeWhenOver() async {
        while !isOver { try? await Task.sleep(for: .milliseconds(100)) }
        for loop in loops { await loop.settled() }
        free()
    }

    private var isOver: Bool { state.withLockedValue { !$0.isSupervised && !$0.isSparing && $0.alive == 0 } }

    private func free() {
        let isFirst = state.withLockedValue { state in
            if let helper = OpaquePointer(bitPattern: state.helper) { octavo_helper_release(helper) }
            state.helper = 0
            defer { state.isFreed = true }
            return !state.isFreed
        }
        guard isFirst else { return }
        let plugin = memory.context.pointee
        memory.context.pointee = nil
        plugin?.release()
    }
}

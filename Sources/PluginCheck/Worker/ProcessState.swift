import Glibc

/// What a plugin could leave behind in a process, or change in it.
struct ProcessState {
    var descriptors: [String: String] = [:]
    var threads: [String] = []
    var mappings = 0
    var children: [String] = []
    var folder = ""
    var mask: mode_t = 0
    var locale = ""
    var environment: [String] = []
    var handlers: [Int32: UInt] = [:]

    /// Of this process. `fragment`: which files count as the plugin's in the memory map.
    static func now(fragment: String) -> ProcessState {
        var state = ProcessState()
        state.descriptors = openDescriptors(of: "self")
        state.threads = list("/proc/self/task").map { read("/proc/self/task/\($0)/comm").filter { $0 != "\n" } }
        state.mappings = read("/proc/self/maps").split(separator: "\n").filter { $0.hasSuffix(".so") && range(of: fragment, in: $0) }.count
        if let path = getcwd(nil, 0) {
            state.folder = String(cString: path)
            free(path)
        }
        state.mask = umask(0)
        umask(state.mask)
        state.locale = setlocale(Int32(LC_ALL), nil).map { String(cString: $0) } ?? ""
        var variable = environ
        while let text = variable.pointee {
            state.environment.append(String(cString: text))
            variable += 1
        }
        for signal in 1..<Int32(32) {
            var action = sigaction()
            guard sigaction(signal, nil, &action) == 0 else { continue }
            state.handlers[signal] = withUnsafeBytes(of: &action.__sigaction_handler) { $0.load(as: UInt.self) }
        }
        return state
    }

    static func openDescriptors(of process: String) -> [String: String] {
        var found: [String: String] = [:]
        for name in list("/proc/\(process)/fd") {
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/\(process)/fd/\(name)", &target, target.count)
            // The one that the folder is read with is gone by now.
            guard count > 0 else { continue }
            found[name] = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return found
    }

    static func list(_ folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = Glibc.read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func range(of fragment: String, in line: Substring) -> Bool {
        let (text, part) = (Array(line.utf8), Array(fragment.utf8))
        guard text.count >= part.count, !part.isEmpty else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
    }

    /// What of the process is not as it was, in sentences; `after` so many rounds of `what`.
    func findings(since before: ProcessState, after rounds: Int, of what: String) -> [String] {
        var found: [String] = []
        let opened = descriptors.filter { before.descriptors[$0.key] == nil }
        if descriptors.count > before.descriptors.count {
            let names = Set(opened.values).sorted().prefix(3).joined(separator: ", ")
            found.append(
                "After \(rounds) rounds of \(what) \(descriptors.count - before.descriptors.count) more descriptors are open (\(names)).")
        }
        if threads.count > before.threads.count {
            let names = Set(threads.filter { !before.threads.contains($0) }).sorted().prefix(3).joined(separator: ", ")
            found.append(
                "After \(rounds) rounds of \(what) \(threads.count - before.threads.count) more threads run"
                    + (names.isEmpty ? "." : " (\(names))."))
        }
        if mappings > before.mappings {
            found.append("After \(rounds) rounds of \(what) \(mappings - before.mappings) more mappings of the plugin's file are there.")
        }
        return found
    }

    /// What is found once the runtime's own threads of the last round have ended, which nobody waits for.
    static func settled(_ look: () async -> [String]) async -> [String] {
        let limit = ContinuousClock.now + .seconds(3)
        while true {
            let found = await look()
            if found.isEmpty || ContinuousClock.now > limit { return found }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// What is found twice: what is left behind by each round is, a thread that the runtime's pool starts once, late, is not.
    static func repeated(_ look: () async throws -> [String]) async rethrows -> [String] {
        let found = try await look()
        return found.isEmpty ? [] : try await look()
    }

    /// What a plugin may not change in a process, in sentences.
    func changes(since before: ProcessState) -> [String] {
        var found: [String] = []
        if folder != before.folder { found.append("The plugin has changed the working directory to \(folder).") }
        if mask != before.mask { found.append("The plugin has changed the umask to \(String(mask, radix: 8)).") }
        if locale != before.locale { found.append("The plugin has changed the locale to \(locale).") }
        for variable in environment where !before.environment.contains(variable) {
            found.append("The plugin has changed the environment: \(variable.prefix { $0 != "=" }).")
        }
        for (signal, handler) in handlers.sorted(by: { $0.key < $1.key }) where before.handlers[signal] != handler {
            found.append("The plugin has installed a handler of signal \(signal) (\(String(cString: strsignal(signal)))).")
        }
        return found
    }
}

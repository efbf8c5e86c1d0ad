import COctavo
import Components
import Glibc

/// The check of a plugin: inspects its file, then has each part run in a process of its own and puts together what
/// they found. No code of the plugin runs in this process.
package struct PluginCheck {
    package var file: String
    /// The program and its arguments that run a part, to which the part's folder is added.
    package var worker: (executable: String, arguments: [String])
    /// An empty folder, for copies and data.
    package var folder: String
    package var host: String?
    package var modes: [CheckMode]
    /// Only types of this kind.
    package var kind: Int32?
    package var settings: [CheckTask.Setting]
    /// Told of what is done, for a person who waits.
    package var onProgress: (String) -> Void

    package init(file: String, worker: (executable: String, arguments: [String]), folder: String) {
        self.file = file
        self.worker = worker
        self.folder = folder
        host = nil
        modes = CheckMode.allCases
        kind = nil
        settings = []
        onProgress = { _ in }
    }

    /// Runs everything. Throws `PluginError` when the file is no plugin, `CheckMisuse` when it can't be checked as
    /// asked for.
    package func run() throws -> CheckReport {
        let inspection = try PluginInspection(path: file)
        var results: [CheckResult] = inspected(inspection)
        var types: [CheckedType] = []
        let possible = modes.filter { $0 == .isolated || inspection.unloadClass != .isolatedOnly }
        for mode in possible {
            let (found, made, _) = try run(.load, mode, nil)
            results += made
            if types.isEmpty { types = found }
        }
        let wanted = types.filter { kind == nil || $0.kind == kind }
        if let kind, wanted.isEmpty, !types.isEmpty {
            let name = octavo_kind_at(kind).map { String(cString: $0.pointee.name) } ?? ""
            throw CheckMisuse(description: "The plugin has no type of the kind \(name); it offers \(types.map(\.name).joined(separator: ", ")).")
        }
        if !types.isEmpty {
            for setting in settings where !wanted.contains(where: { $0.settings.contains(setting.name) }) {
                throw CheckMisuse(
                    description: "No type of the plugin has a setting \(setting.name); there are "
                        + "\(Set(wanted.flatMap(\.settings)).sorted().joined(separator: ", ")).")
            }
        }
        for type in wanted { results += try check(type, possible) }
        return CheckReport(plugin: inspection.id, version: inspection.note?.version, file: file, checks: results)
    }

    /// What is known without running the plugin.
    private func inspected(_ inspection: PluginInspection) -> [CheckResult] {
        func result(_ check: String, _ outcome: CheckResult.Outcome, _ detail: String? = nil, _ section: String? = nil) -> CheckResult {
            CheckResult(part: "inspection", mode: nil, type: nil, check: check, outcome: outcome, detail: detail, section: section)
        }
        return [
            result("the file is a plugin", .ok),
            inspection.note == nil
                ? result(
                    "it has a note", .failed, "The file has no note, so that only running it tells what it offers.",
                    "octavo_note.h: OCTAVO_NOTE")
                : result("it has a note", .ok),
            inspection.unloadClass == .clean
                ? result("it can be unloaded", .ok) : result("it can be unloaded", .skipped, "it stays mapped: \(inspection.unloadReason)"),
        ]
    }

    private func check(_ type: CheckedType, _ modes: [CheckMode]) throws -> [CheckResult] {
        let missing = type.required.filter { name in !settings.contains { $0.name == name } }
        guard missing.isEmpty else {
            return [
                CheckResult(
                    part: "types", mode: nil, type: type.name, check: "instances and operations", outcome: .skipped,
                    detail: "it needs \(missing.joined(separator: ", ")); give them with --set \(missing[0])=VALUE", section: nil)
            ]
        }
        var results: [CheckResult] = []
        var endings: [CheckMode: [(call: String, ending: String)]] = [:]
        for mode in modes {
            var obstacle: CheckResult?
            for part in CheckPart.ofType(type, mode: mode) {
                if let obstacle, part != .requests || obstacle.part == CheckPart.life.title {
                    // The same again would be found, slowly.
                    results.append(
                        CheckResult(
                            part: part.title, mode: mode.rawValue, type: type.name, check: part.title, outcome: .skipped,
                            detail: "\(obstacle.check): failed before", section: nil))
                    continue
                }
                let (_, made, outcomes) = try run(part, mode, type)
                results += made
                // Cases may fail one by one; what does not live or answer ends the rest.
                obstacle = obstacle ?? made.first {
                    $0.outcome == .failed
                        && (part == .life && !$0.check.hasPrefix("create, start") || $0.check == "every call is completed once"
                            || $0.check == "the plugin leaves the process alive" || $0.check == "the plugin comes back")
                }
                if part == .requests { endings[mode] = outcomes }
            }
        }
        if var here = endings[.inProcess], var there = endings[.isolated] {
            // A backend may be slow or away for a moment, which then shows in one place: both are asked again.
            for _ in 0..<2 where hasPassingDifference(here, there) {
                here = try run(.requests, .inProcess, type).outcomes
                there = try run(.requests, .isolated, type).outcomes
            }
            results.append(compare(here, there, type))
        }
        return results
    }

    /// A plugin can't tell where it runs, and so can't its callers.
    private func compare(
        _ here: [(call: String, ending: String)], _ there: [(call: String, ending: String)], _ type: CheckedType
    ) -> CheckResult {
        let isolated = Dictionary(there.map { ($0.call, $0.ending) }, uniquingKeysWith: { $1 })
        let differing = here.filter { one in isolated[one.call].map { $0 != one.ending } ?? false }
        var result = CheckResult(
            part: "requests", mode: nil, type: type.name, check: "the same answers in process and isolated", outcome: .ok, detail: nil,
            section: nil)
        guard let first = differing.first else { return result }
        result.outcome = .failed
        result.detail =
            "\(first.call) ended with \(first.ending) in process and with \(isolated[first.call] ?? "") isolated"
            + (differing.count > 1 ? ", and \(differing.count - 1) more calls differ." : ".")
        result.section = "octavo_plugin.h"
        return result
    }

    private func hasPassingDifference(_ here: [(call: String, ending: String)], _ there: [(call: String, ending: String)]) -> Bool {
        let isolated = Dictionary(there.map { ($0.call, $0.ending) }, uniquingKeysWith: { $1 })
        return here.contains { one in
            guard let other = isolated[one.call], other != one.ending else { return false }
            return Self.isPassing(one.ending) || Self.isPassing(other)
        }
    }

    /// Whether a call has ended so because of its backend, which may be slow or away for a moment.
    private static func isPassing(_ ending: String) -> Bool { ending == "UNAVAILABLE" || ending == "DEADLINE_EXCEEDED" }

    /// One process.
    private func run(
        _ part: CheckPart, _ mode: CheckMode, _ type: CheckedType?
    ) throws -> (types: [CheckedType], results: [CheckResult], outcomes: [(call: String, ending: String)]) {
        onProgress("\(type.map { $0.name + ", " } ?? "")\(mode.rawValue): \(part.title)")
        let place = folder + "/part"
        removeAll(place)
        guard mkdir(place, 0o700) == 0 else {
            throw CaseFailure(description: "\(place) can't be made: \(String(cString: strerror(errno)))")
        }
        let task = CheckTask(file: file, part: part, mode: mode, type: type, folder: place, host: host, settings: settings)
        try write(task.text, to: place + "/" + CheckTask.fileName)
        let log = folder + "/log"
        var types: [CheckedType] = []
        var results: [CheckResult] = []
        var outcomes: [(call: String, ending: String)] = []
        var doing = "starting"
        func add(_ check: String, _ outcome: CheckResult.Outcome, _ detail: String? = nil, _ section: String? = nil) {
            results.append(
                CheckResult(
                    part: part.title, mode: mode.rawValue, type: type?.name, check: check, outcome: outcome, detail: detail,
                    section: section))
        }
        let end = try CheckProcess.run(worker.executable, worker.arguments + [place], log: log) { event in
            switch event {
            case .passed(let check): add(check, .ok)
            case .failed(let check, let finding, let section): add(check, .failed, finding, section)
            case .skipped(let check, let reason): add(check, .skipped, reason)
            case .doing(let what): doing = what
            case .outcome(let call, let ending): outcomes.append((call, ending))
            case .type(let type): types.append(type)
            case .end: doing = ""
            }
        }
        let last = CheckProcess.lastLine(of: log).map { " Its last line was: \($0)" } ?? ""
        let activity = doing.isEmpty ? "ending" : doing
        switch end {
        case .done where doing.isEmpty: break
        case .done, .exited:
            let code = if case .exited(let code) = end { code } else { Int32(0) }
            add(
                "the plugin leaves the process alive", .failed,
                "During \(activity) the process ended with exit code \(code): the plugin, or a library of it, has called exit.\(last)",
                "plugin ABI: a plugin must not call exit")
        case .signalled(let signal):
            add(
                "the plugin leaves the process alive", .failed,
                "During \(activity) the plugin crashed: \(String(cString: strsignal(signal)))\(crashHint(signal, part)).\(last)",
                "octavo_types.h: slices")
        case .silent(let seconds):
            add(
                "the plugin comes back", .failed, "During \(activity) nothing happened for \(seconds) s: it hangs.\(last)",
                "octavo_plugin.h: octavo_life")
        }
        removeAll(place)
        return (types, results, outcomes)
    }

    private func crashHint(_ signal: Int32, _ part: CheckPart) -> String {
        guard part == .requests, signal == SIGSEGV || signal == SIGBUS else { return "" }
        return " (behind each slice lies a page that can't be read: a slice ends at its size, not at a NUL, and an absent one is NULL)"
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CaseFailure(description: "\(path) can't be written: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw CaseFailure(description: "\(path) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}

/// The check was asked for something that the plugin does not have.
package struct CheckMisuse: Error, CustomStringConvertible {
    package let description: String
}

/// Removes a folder with all that is in it; nothing when there is none.
package func removeAll(_ path: String) {
    for name in ProcessState.list(path) {
        let inner = path + "/" + name
        if unlink(inner) != 0 { removeAll(inner) }
    }
    rmdir(path)
}

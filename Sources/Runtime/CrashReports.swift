import AdminAPI
import Components
import Glibc
import Logging
import NIOConcurrencyHelpers

/// Reports of crashes of isolated plugins, and of runtimes before this one: one file each in the data folder, the newest 20 of a plugin.
final class CrashReports: Sendable {
    private let folder: String
    private let logger: Logger
    private let reports = NIOLockedValueBox<[CrashReport]>([])

    private static let limit = 20

    init(dataFolder: String, logger: Logger) {
        folder = dataFolder + "/crashes"
        self.logger = logger
        reports.withLockedValue { $0 = CrashReports.read(folder) }
    }

    /// The newest first.
    var all: [CrashReport] { reports.withLockedValue { $0.sorted { $0.time > $1.time } } }

    /// From any thread.
    func add(_ facts: CrashFacts) {
        var report = CrashReport(
            id: facts.reportID, plugin: facts.plugin, version: facts.version,
            generation: facts.generation, processID: Int(facts.processID), time: facts.time, cause: facts.cause,
            signal: facts.signal == 0 ? nil : Int(facts.signal),
            // The runtime's own code is its parent's to know.
            exitCode: facts.signal == 0 && !facts.isInProcess ? Int(facts.exitCode) : nil,
            address: facts.address.map { "0x" + String($0, radix: 16) }, thread: facts.thread.isEmpty ? nil : facts.thread,
            backtrace: facts.backtrace, uptimeSeconds: facts.uptimeSeconds)
        report.inProcess = facts.isInProcess ? true : nil
        report.component = facts.component.isEmpty ? nil : facts.component
        report.operation = facts.operation.isEmpty ? nil : facts.operation
        report.requestBytes = facts.operation.isEmpty || facts.requestBytes == 0 ? nil : facts.requestBytes
        report.memoryBytes = facts.memory == 0 ? nil : Int64(facts.memory)
        report.openDescriptors = facts.descriptors == 0 ? nil : facts.descriptors
        // Of a runtime nothing was measured.
        if !facts.isInProcess {
            report.cpuSeconds = facts.cpuSeconds
            report.limits = facts.limits
            report.log = facts.log
        }
        let old = reports.withLockedValue { [report] all -> [CrashReport] in
            all.removeAll { $0.id == report.id }
            all.append(report)
            let ofPlugin = all.filter { $0.plugin == report.plugin }.sorted { $0.time > $1.time }
            let old = ofPlugin.dropFirst(CrashReports.limit)
            all.removeAll { one in old.contains { $0.id == one.id } }
            return Array(old)
        }
        makeFolders(folder)
        for one in old { unlink(folder + "/" + one.id + ".json") }
        guard let bytes = try? AdminJSON.encoded(report), write(bytes, to: folder + "/" + report.id + ".json") else {
            logger.warning("a crash report can't be written", metadata: ["folder": "\(folder)", "cause": "\(systemError(errno))"])
            return
        }
    }

    private func write(_ bytes: [UInt8], to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    }

    private static func read(_ folder: String) -> [CrashReport] {
        (listFolder(folder) ?? []).filter { $0.hasSuffix(".json") }.compactMap { name in
            guard let bytes = contents(folder + "/" + name) else { return nil }
            return try? AdminJSON.decoded(CrashReport.self, from: bytes)
        }
    }

    /// Of a small file; `nil` when it can't be read.
    private static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
            count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
        return bytes.isEmpty ? nil : bytes
    }
}

extension CrashFacts {
    /// Names the report, and its file.
    var reportID: String { "\(plugin)-\(Int(max(0, min(time, 1e12))))-\(processID)" }
}

import COctavo
import COctavoIsolation

/// A kind of request that is refused because it has killed its plugin's process.
package struct QuarantinedRequest: Sendable {
    package var plugin: String
    package var component: String
    package var operation: String
    package var fingerprint: UInt64
    /// Deaths that it had a part in.
    package var deaths: Int
    package var left: Duration
}

extension IsolatedPlugin {
    /// What is refused now; the plugin is the first of its process.
    fileprivate var quarantine: [QuarantinedRequest] {
        let room = Int(OCTAVO_QUARANTINE_MAX)
        let entries = [octavo_quarantined](unsafeUninitializedCapacity: room) { buffer, count in
            count = Int(octavo_isolated_quarantine(raw, buffer.baseAddress.unsafelyUnwrapped, UInt32(room)))
        }
        let now = monotonicNanoseconds()
        return entries.map { entry in
            var entry = entry
            let component = withUnsafeBytes(of: &entry.component) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            let kind = octavo_kind_at(entry.kind)
            let name = kind.flatMap { entry.op < $0.pointee.op_count ? $0.pointee.ops[Int(entry.op)].name : nil }
            return QuarantinedRequest(
                plugin: String(descriptor(of: 0).pointee.id), component: component, operation: name.map { String(cString: $0) } ?? "",
                fingerprint: entry.fingerprint, deaths: Int(entry.deaths), left: .nanoseconds(max(0, entry.until_ns - now)))
        }
    }

    /// Lets one kind of request, or all (0), through again; how many were refused.
    fileprivate func release(_ fingerprint: UInt64) -> Int { Int(octavo_isolated_release(raw, fingerprint)) }
}

extension ComponentStore {
    /// Requests that plugins' processes have died of.
    package func quarantine() -> [QuarantinedRequest] {
        isolatedProcesses.flatMap { process in
            process.quarantine.map { request in
                var request = request
                if let owner = components[request.component]?.instance?.plugin.id { request.plugin = owner }
                return request
            }
        }
            .sorted { ($0.plugin, $0.component, $0.fingerprint) < ($1.plugin, $1.component, $1.fingerprint) }
    }

    /// Lets them through again: of one plugin, one fingerprint (0: all). How many were refused.
    package func releaseQuarantine(of id: String?, fingerprint: UInt64) -> Int {
        guard let id else { return isolatedProcesses.reduce(0) { $0 + $1.release(fingerprint) } }
        let wanted = quarantine().filter { $0.plugin == id && (fingerprint == 0 || $0.fingerprint == fingerprint) }
        return wanted.reduce(0) { sum, request in sum + isolatedProcesses.reduce(0) { $0 + $1.release(request.fingerprint) } }
    }

    /// Each once: plugins of a group have one together.
    private var isolatedProcesses: [IsolatedPlugin] {
        var seen = Set<ObjectIdentifier>()
        return plugins.values.flatMap { $0.current?.processes ?? [] }.map(\.isolated).filter { seen.insert(ObjectIdentifier($0)).inserted }
    }
}

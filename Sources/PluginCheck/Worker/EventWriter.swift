import Glibc

/// Writes events to the parent, each before the next thing happens: after it the plugin may end the process.
struct EventWriter: Sendable {
    let descriptor: Int32

    func write(_ event: CheckEvent) {
        let bytes = Array((event.line + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.unsafelyUnwrapped + done, bytes.count - done) }
            if count < 0, errno == EINTR { continue }
            // The parent has gone: there is nobody to check for.
            guard count > 0 else { _exit(1) }
            done += count
        }
    }

    func doing(_ what: String) { write(.doing(what)) }
    func passed(_ check: String) { write(.passed(check: check)) }
    func failed(_ check: String, _ finding: String, _ section: String) {
        write(.failed(check: check, finding: finding, section: section))
    }

    /// Passed when nothing was found, else each finding.
    func outcome(_ check: String, _ findings: [String], _ section: String) {
        if findings.isEmpty { passed(check) }
        for finding in findings { failed(check, finding, section) }
    }
}

import LocalBindingsPluginNative
import PluginKit

/// `Schedule`, which its tests compile without the kit, finds the kit's by this name.
enum GoDuration {
    static func parse(_ text: [UInt8]) -> Int64? { PluginKit.GoDuration.parse(text) }
}

/// `bindings.cron`: an event without data each time that the schedule is due. On the instance's reactor thread.
///
/// A time for which there is no credit is kept, once: the app is told late rather than not at all, and never in a burst.
final class CronBinding: Binding {
    private struct Reader {
        let source: Source
        var credit = 0
        var isLate = false
    }

    private let schedule: Schedule
    private let zone: ZoneRules
    private let zoneName: [UInt8]
    private var timer: Timer!
    private var readers: [Reader] = []
    private var token: UInt64 = 0
    /// Seconds since 1970.
    private var due: Int64 = 0
    private var last: Int64 = 0

    /// The clock may be set: it is looked at this often. Nanoseconds.
    private static let look: Int64 = 60_000_000_000

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        do throws(Schedule.Malformed) {
            schedule = try Schedule(config.text("schedule").array)
        } catch {
            throw .invalid("The schedule \"\(config.text("schedule").string)\" can't be used: \(error.cause).")
        }
        (zone, zoneName) = try ZoneFile.load(schedule.zone)
        guard schedule.next(after: Self.now() / 1_000_000_000, in: zone) != nil else {
            throw .invalid("The schedule \"\(config.text("schedule").string)\" is never due.")
        }
        super.init(instance, Features(OCTAVO_BINDING_INPUT))
        timer = Timer(instance) { [unowned(unsafe) self] in self.tick() }
    }

    /// Nanoseconds since 1970.
    private static func now() -> Int64 { plugin_kit_wall() }

    override func stop(_ call: Call) throws(PluginError) {
        timer.cancel()
        readers = []
        call.done()
    }

    override func read(_ request: UnsafePointer<octavo_binding_read_request>, _ reply: EmptyReply) throws(PluginError) {
        readers.append(Reader(source: Source(request.pointee.source)))
        if readers.count == 1 { begin() }
        reply.done()
    }

    override func close(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        readers.removeAll { $0.source == source }
        if readers.isEmpty { timer.cancel() }
        reply.done()
    }

    override func credit(_ source: Source, _ events: Int) {
        guard let index = readers.firstIndex(where: { $0.source == source }) else { return }
        readers[index].credit = events == 0 ? 0 : readers[index].credit + events
        if readers[index].isLate { deliver(index) }
    }

    // MARK: Time

    private func begin() {
        last = Self.now()
        due = schedule.next(after: last.floored(1_000_000_000), in: zone) ?? .max
        wait()
    }

    private func wait() {
        let (delay, isFar) = due.multipliedReportingOverflow(by: 1_000_000_000)
        timer.set(after: isFar ? Self.look : max(0, min(delay - Self.now(), Self.look)))
    }

    private func tick() {
        let now = Self.now()
        let second = now.floored(1_000_000_000)
        if now < last {
            // The clock was set back.
            due = schedule.next(after: second, in: zone) ?? .max
        } else if second >= due {
            due = schedule.next(after: second, in: zone) ?? .max
            for index in readers.indices { deliver(index) }
        }
        last = now
        wait()
    }

    private func deliver(_ index: Int) {
        guard readers[index].credit > 0 else {
            readers[index].isLate = true
            return
        }
        token += 1
        let metadata: [([UInt8], [UInt8])] = [
            (Array("timeZone".utf8), zoneName), (Array("readTimeUTC".utf8), Self.text(Self.now())),
        ]
        let outcome = PairList.with(metadata) { list in
            var event = octavo_binding_event()
            event.metadata = list
            return readers[index].source.deliver(token, &event)
        }
        readers[index].isLate = outcome == .noCredit
        if outcome == .done { readers[index].credit -= 1 }
    }

    /// As Go writes a time: `2026-11-28 02:40:35.123456789 +0000 UTC`.
    private static func text(_ nanoseconds: Int64) -> [UInt8] {
        let second = nanoseconds.floored(1_000_000_000)
        let date = CivilDate(day: second.floored(86400))
        let time = second - second.floored(86400) * 86400
        var text: [UInt8] = []
        func put(_ value: Int64, _ width: Int, _ separator: UInt8) {
            var digits: [UInt8] = []
            var rest = value
            for _ in 0..<width {
                digits.append(UInt8(0x30 + rest % 10))
                rest /= 10
            }
            text.append(contentsOf: digits.reversed())
            text.append(separator)
        }
        put(date.year, 4, 0x2d)
        put(Int64(date.month), 2, 0x2d)
        put(Int64(date.day), 2, 0x20)
        put(time / 3600, 2, 0x3a)
        put(time / 60 % 60, 2, 0x3a)
        put(time % 60, 2, 0x2e)
        put(nanoseconds - second * 1_000_000_000, 9, 0x20)
        text.append(contentsOf: "+0000 UTC".utf8)
        return text
    }
}

/// Finds the rules of a time zone on this machine.
enum ZoneFile {
    /// `name`: of the schedule; empty for the machine's own. Gives back the rules and the name that events bear.
    static func load(_ name: [UInt8]) throws(PluginError) -> (ZoneRules, [UInt8]) {
        if name.isEmpty {
            var path = Array("/etc/localtime".utf8)
            if let own = getenv("TZ") {
                var word = [UInt8](UnsafeRawBufferPointer(start: own, count: strlen(own)))
                if word.first == 0x3a { word.removeFirst() }
                path = word.first == 0x2f ? word : Array("/usr/share/zoneinfo/".utf8) + word
            }
            // A machine without one lives in UTC, as its C library has it.
            return (read(path).flatMap { ZoneRules(file: $0) } ?? ZoneRules(), Array("Local".utf8))
        }
        let text = String(decoding: name, as: UTF8.self)
        if name.elementsEqual("UTC".utf8) { return (ZoneRules(), name) }
        let isPath = name.first == 0x2f || name.split(separator: 0x2f).contains { $0.elementsEqual("..".utf8) }
        guard !isPath, let file = read(Array("/usr/share/zoneinfo/".utf8) + name), let rules = ZoneRules(file: file) else {
            throw .invalid(
                "There is no time zone \(text) in /usr/share/zoneinfo. Check its name (Europe/Berlin), or install the package tzdata.")
        }
        return (rules, name)
    }

    private static func read(_ path: [UInt8]) -> [UInt8]? {
        let descriptor = (path + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { plugin_kit_open($0.baseAddress!) }
        }
        guard descriptor >= 0 else { return nil }
        defer { _ = PluginKit.close(descriptor) }
        var content = [UInt8](repeating: 0, count: 1 << 16)
        var size = 0
        while size < content.count {
            let got = content.withUnsafeMutableBytes { PluginKit.read(descriptor, $0.baseAddress! + size, $0.count - size) }
            guard got > 0 else { break }
            size += got
        }
        return [UInt8](content[..<size])
    }
}

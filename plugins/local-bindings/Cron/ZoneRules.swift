/// A time zone: how far its clocks are ahead of UTC, and when that changes. Read from a file of the system's time zone database
/// (TZif, RFC 9636). Pure.
struct ZoneRules {
    private var times: [Int64] = []
    /// Seconds ahead of UTC from the time of the same place on.
    private var offsets: [Int64] = []
    private var before: Int64 = 0
    private var footer: Footer?

    /// UTC.
    init() {}

    /// nil when the bytes are no file of time zones.
    init?(file: [UInt8]) {
        guard file.count >= 44, file[0] == 0x54, file[1] == 0x5a, file[2] == 0x69, file[3] == 0x66 else { return nil }
        func number(_ at: Int, _ size: Int) -> Int64 {
            var value: Int64 = file[at] & 0x80 != 0 ? -1 : 0
            for index in 0..<size { value = value << 8 | Int64(file[at + index]) }
            return value
        }
        /// Counts of a header: UTC and standard indicators, leap seconds, transitions, types, characters.
        func counts(_ at: Int) -> [Int]? {
            guard at + 44 <= file.count else { return nil }
            let found = (0..<6).map { Int(number(at + 20 + $0 * 4, 4)) }
            return found.allSatisfy { $0 >= 0 && $0 < 1 << 20 } ? found : nil
        }
        func size(_ counts: [Int], _ width: Int) -> Int {
            counts[3] * (width + 1) + counts[4] * 6 + counts[5] + counts[2] * (width + 4) + counts[1] + counts[0]
        }
        guard var found = counts(0) else { return nil }
        var at = 0, width = 4
        if file[4] >= 0x32 {
            at = 44 + size(found, 4)
            width = 8
            guard let second = counts(at) else { return nil }
            found = second
        }
        at += 44
        let end = at + size(found, width)
        guard end <= file.count, found[4] > 0 else { return nil }
        let kinds = at + found[3] * width, types = kinds + found[3]
        func offset(_ type: Int) -> Int64? { type < found[4] ? number(types + type * 6, 4) : nil }
        for index in 0..<found[3] {
            guard let ahead = offset(Int(file[kinds + index])) else { return nil }
            times.append(number(at + index * width, width))
            offsets.append(ahead)
        }
        before = offset(0) ?? 0
        if width == 8, end < file.count, file[end] == 0x0a {
            let rest = file[(end + 1)...]
            footer = Footer([UInt8](rest.prefix { $0 != 0x0a }))
        }
    }

    /// Seconds that its clocks are ahead of UTC.
    func offset(at time: Int64) -> Int64 {
        guard let first = times.first, time >= first else { return times.isEmpty ? footer?.offset(at: time) ?? before : before }
        if time >= times[times.count - 1], let footer { return footer.offset(at: time) }
        var low = 0, high = times.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle } else { high = middle }
        }
        return offsets[low]
    }

    /// The rule for all later times, as in the variable TZ of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`.
    private struct Footer {
        private struct Change {
            /// `M`: month, week, day of the week; `J`: day 1 to 365 without leap days; `n`: day 0 to 365.
            var form: UInt8
            var values: [Int]
            var second: Int64 = 7200

            func time(_ year: Int64) -> Int64 {
                let first = CivilDate.number(year, 1, 1)
                let isLeap = CivilDate.number(year + 1, 1, 1) - first == 366
                switch form {
                case 0x4d:
                    let month = CivilDate.number(year, values[0], 1)
                    let weekday = CivilDate(day: month).weekday
                    var day = month + Int64((values[2] - weekday + 7) % 7) + Int64(values[1] - 1) * 7
                    if day >= CivilDate(day: month).firstOfNextMonth { day -= 7 }
                    return day * 86400 + second
                case 0x4a: return (first + Int64(values[0] - 1 + (isLeap && values[0] > 59 ? 1 : 0))) * 86400 + second
                default: return (first + Int64(values[0])) * 86400 + second
                }
            }
        }

        private var standard: Int64 = 0
        private var summer: Int64 = 0
        private var changes: (begin: Change, end: Change)?

        init?(_ text: [UInt8]) {
            var at = 0
            func peek() -> UInt8 { at < text.count ? text[at] : 0 }
            func name() -> Bool {
                let from = at
                if peek() == 0x3c {
                    while at < text.count, text[at] != 0x3e { at += 1 }
                    at += 1
                    return at <= text.count
                }
                while peek() | 0x20 >= 0x61, peek() | 0x20 <= 0x7a { at += 1 }
                return at > from
            }
            func integer() -> Int64? {
                let from = at
                var value: Int64 = 0
                while peek() >= 0x30, peek() <= 0x39, at - from < 6 {
                    value = value * 10 + Int64(peek() - 0x30)
                    at += 1
                }
                return at > from ? value : nil
            }
            /// Hours, minutes, seconds with a sign.
            func time() -> Int64? {
                var sign: Int64 = 1
                if peek() == 0x2d || peek() == 0x2b {
                    sign = peek() == 0x2d ? -1 : 1
                    at += 1
                }
                guard var total = integer().map({ $0 * 3600 }) else { return nil }
                for unit in [60, 1] as [Int64] where peek() == 0x3a {
                    at += 1
                    guard let part = integer() else { return nil }
                    total += part * unit
                }
                return sign * total
            }
            func change() -> Change? {
                guard peek() == 0x2c else { return nil }
                at += 1
                var found: Change
                if peek() == 0x4d {
                    at += 1
                    var values: [Int] = []
                    for place in 0..<3 {
                        if place > 0 {
                            guard peek() == 0x2e else { return nil }
                            at += 1
                        }
                        guard let value = integer() else { return nil }
                        values.append(Int(value))
                    }
                    guard (1...12).contains(values[0]), (1...5).contains(values[1]), (0...6).contains(values[2]) else { return nil }
                    found = Change(form: 0x4d, values: values)
                } else {
                    let form: UInt8 = peek() == 0x4a ? 0x4a : 0x6e
                    if form == 0x4a { at += 1 }
                    guard let value = integer(), value <= 366 else { return nil }
                    found = Change(form: form, values: [Int(value)])
                }
                if peek() == 0x2f {
                    at += 1
                    guard let second = time() else { return nil }
                    found.second = second
                }
                return found
            }
            guard name(), let ahead = time() else { return nil }
            standard = -ahead
            guard at < text.count else { return }
            guard name() else { return nil }
            summer = standard + 3600
            if peek() != 0x2c {
                guard let ahead = time() else { return nil }
                summer = -ahead
            }
            guard let begin = change(), let end = change() else { return nil }
            changes = (begin, end)
        }

        func offset(at time: Int64) -> Int64 {
            guard let changes else { return standard }
            let year = CivilDate(day: (time + standard).floored(86400)).year
            let begin = changes.begin.time(year) - standard, end = changes.end.time(year) - summer
            let isSummer = begin < end ? time >= begin && time < end : time >= begin || time < end
            return isSummer ? summer : standard
        }
    }
}

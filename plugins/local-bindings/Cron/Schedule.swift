/// When something is due: a crontab line of five fields, or six with seconds first, or one of the `@` words. The rules are those of
/// robfig/cron, which Dapr uses. Pure: it knows no clock. Times are seconds since 1970.
struct Schedule {
    struct Malformed: Error { let cause: String }

    /// Bits of the values that match.
    private var seconds: UInt64 = 0, minutes: UInt64 = 0, hours: UInt64 = 0, days: UInt64 = 0, months: UInt64 = 0, weekdays: UInt64 = 0
    /// Every day of the month, of the week, was written as a star: the other field decides alone.
    private var isAnyDay = false, isAnyWeekday = false
    /// Of `@every`; 0: the fields count.
    private var period: Int64 = 0
    /// Of `TZ=` or `CRON_TZ=`; empty: none is named.
    private(set) var zone: [UInt8] = []

    init(_ text: [UInt8]) throws(Malformed) {
        var words = text.split { $0 == 0x20 || $0 == 0x09 }.map { [UInt8]($0) }
        if let first = words.first, let at = first.firstIndex(of: 0x3d), ["TZ", "CRON_TZ"].contains(where: { Self.same(first[..<at], $0) }) {
            zone = [UInt8](first[(at + 1)...])
            if zone.isEmpty { throw Malformed(cause: "it names no time zone after TZ=") }
            words.removeFirst()
        }
        guard let first = words.first else { throw Malformed(cause: "it is empty") }
        if first[0] == 0x40 {
            try descriptor(words)
            return
        }
        guard words.count == 5 || words.count == 6 else {
            throw Malformed(cause: "it has \(words.count) fields; 5 are expected, or 6 with seconds first")
        }
        if words.count == 5 { words.insert([0x30], at: 0) }
        seconds = try Self.field(words[0], 0, 59, "seconds").bits
        minutes = try Self.field(words[1], 0, 59, "minutes").bits
        hours = try Self.field(words[2], 0, 23, "hours").bits
        (days, isAnyDay) = try Self.field(words[3], 1, 31, "days of the month")
        months = try Self.field(words[4], 1, 12, "months", Self.monthNames).bits
        (weekdays, isAnyWeekday) = try Self.field(words[5], 0, 6, "days of the week", Self.weekdayNames)
    }

    // MARK: Reading

    private static let monthNames: StaticString = "janfebmaraprmayjunjulaugsepoctnovdec"
    private static let weekdayNames: StaticString = "sunmontuewedthufrisat"

    private static func same(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for (index, byte) in bytes.enumerated() where byte != text.utf8Start[index] { return false }
        return true
    }

    private mutating func descriptor(_ words: [[UInt8]]) throws(Malformed) {
        let word = words[0][...]
        if Self.same(word, "@every") {
            guard words.count == 2, let duration = GoDuration.parse(words[1]), duration > 0 else {
                throw Malformed(cause: "@every must be followed by a duration such as 1h30m or 10s")
            }
            // Whole seconds, at least one.
            period = max(1, duration / 1_000_000_000)
            return
        }
        guard words.count == 1 else { throw Malformed(cause: "nothing may follow \(Self.shown(words[0]))") }
        seconds = 1
        minutes = 1
        hours = 1
        days = ~0
        months = ~0
        weekdays = ~0
        isAnyDay = true
        isAnyWeekday = true
        if Self.same(word, "@yearly") || Self.same(word, "@annually") {
            (days, months, isAnyDay) = (1 << 1, 1 << 1, false)
        } else if Self.same(word, "@monthly") {
            (days, isAnyDay) = (1 << 1, false)
        } else if Self.same(word, "@weekly") {
            (weekdays, isAnyWeekday) = (1, false)
        } else if Self.same(word, "@hourly") {
            hours = ~0
        } else if !Self.same(word, "@daily"), !Self.same(word, "@midnight") {
            throw Malformed(cause: "\(Self.shown(words[0])) is none of @yearly, @monthly, @weekly, @daily, @hourly and @every")
        }
    }

    private static func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A list of ranges. `isAny`: a star was among them.
    private static func field(
        _ text: [UInt8], _ lowest: Int, _ highest: Int, _ what: StaticString, _ names: StaticString = ""
    ) throws(Malformed) -> (bits: UInt64, isAny: Bool) {
        func bad(_ cause: String) -> Malformed { Malformed(cause: "\(shown(text)) for the \(what.description): \(cause)") }
        func value(_ part: ArraySlice<UInt8>) throws(Malformed) -> Int {
            if part.count == 3 {
                for index in 0..<names.utf8CodeUnitCount / 3 {
                    if (0..<3).allSatisfy({ part[part.startIndex + $0] | 0x20 == names.utf8Start[index * 3 + $0] }) { return index + lowest }
                }
            }
            guard let number = number(part) else { throw bad("\(shown([UInt8](part))) is no number") }
            return number
        }
        var bits: UInt64 = 0, isAny = false
        for item in text.split(separator: 0x2c, omittingEmptySubsequences: false) {
            let halves = item.split(separator: 0x2f, omittingEmptySubsequences: false)
            guard halves.count <= 2, let range = halves.first, !range.isEmpty else { throw bad("it is no range with a step") }
            var first = lowest, last = highest, step = 1
            let ends = range.split(separator: 0x2d, omittingEmptySubsequences: false)
            let isStar = range.count == 1 && (range.first == 0x2a || range.first == 0x3f)
            if !isStar {
                guard ends.count <= 2 else { throw bad("it has too many hyphens") }
                first = try value(ends[0])
                last = ends.count == 2 ? try value(ends[1]) : halves.count == 2 ? highest : first
            }
            if halves.count == 2 {
                guard let given = number(halves[1]), given > 0 else { throw bad("the step must be a number above 0") }
                step = given
            }
            guard first >= lowest, last <= highest else { throw bad("\(lowest) to \(highest) are allowed") }
            guard first <= last else { throw bad("the range ends before it begins") }
            if isStar, step == 1 { isAny = true }
            var at = first
            while at <= last {
                bits |= 1 << UInt64(at)
                at += step
            }
        }
        return (bits, isAny)
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        guard !text.isEmpty, text.count < 9 else { return nil }
        var value = 0
        for byte in text {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    // MARK: Due

    /// The first time after `time` that it is due; nil when that is not within five years (30 February).
    func next(after time: Int64, in zone: ZoneRules) -> Int64? {
        if period > 0 { return time + period }
        var at = time + 1
        let end = time + 5 * 366 * 86400
        while at <= end {
            let local = at + zone.offset(at: at)
            let date = CivilDate(day: local.floored(86400))
            let second = Int(local - local.floored(86400) * 86400)
            if months & (1 << UInt64(date.month)) == 0 {
                at = Self.moment(date.firstOfNextMonth * 86400, zone, after: at)
            } else if !matches(date) {
                at = Self.moment((local.floored(86400) + 1) * 86400, zone, after: at)
            } else if hours & (1 << UInt64(second / 3600)) == 0 {
                // By the clock that never jumps: an hour that there is twice is seen twice, one that there is not never.
                at += Int64(3600 - second % 3600)
            } else if minutes & (1 << UInt64(second / 60 % 60)) == 0 {
                at += Int64(60 - second % 60)
            } else if seconds & (1 << UInt64(second % 60)) == 0 {
                at += 1
            } else {
                return at
            }
        }
        return nil
    }

    private func matches(_ date: CivilDate) -> Bool {
        let day = days & (1 << UInt64(date.day)) != 0, weekday = weekdays & (1 << UInt64(date.weekday)) != 0
        return isAnyDay || isAnyWeekday ? day && weekday : day || weekday
    }

    /// When the clocks of the zone show `local`, later than `before`.
    private static func moment(_ local: Int64, _ zone: ZoneRules, after before: Int64) -> Int64 {
        let guess = local - zone.offset(at: local - zone.offset(at: before))
        return max(before + 1, guess)
    }
}

extension Int64 {
    /// Divided, rounded down.
    func floored(_ divisor: Int64) -> Int64 { self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor) }
}

/// A day of the Gregorian calendar.
struct CivilDate {
    let year: Int64
    let month: Int
    let day: Int
    /// 0 is Sunday.
    let weekday: Int

    /// `day`: days since 1970.
    init(day number: Int64) {
        weekday = Int((number + 4) - (number + 4).floored(7) * 7)
        // Years that begin in March have their leap day at the end.
        let shifted = number + 719_468
        let era = shifted.floored(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * part + 2) / 5 + 1)
        month = Int(part < 10 ? part + 3 : part - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970.
    static func number(_ year: Int64, _ month: Int, _ day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.floored(400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    var firstOfNextMonth: Int64 { month == 12 ? Self.number(year + 1, 1, 1) : Self.number(year, month + 1, 1) }
}

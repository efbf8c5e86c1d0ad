import Foundation
import Testing

/// The schedules of `bindings.cron`, whose sources are linked in here.
@Suite struct ScheduleTests {
    private func zone(_ name: String) throws -> ZoneRules {
        if name == "UTC" { return ZoneRules() }
        let file = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/" + name))
        return try #require(ZoneRules(file: Array(file)))
    }

    private func time(_ text: String) throws -> Int64 {
        Int64(try #require(ISO8601DateFormatter().date(from: text)).timeIntervalSince1970)
    }

    @Test("the next time is that of robfig/cron", arguments: [
        ("* * * * *", "UTC", "2026-11-28T02:40:35Z", "2026-11-28T02:41:00Z"),
        ("15 * * * * *", "UTC", "2026-11-28T02:40:35Z", "2026-11-28T02:41:15Z"),
        ("0/15 * * * *", "UTC", "2026-07-09T14:45:00Z", "2026-07-09T15:00:00Z"),
        ("20-35/15 * * * *", "UTC", "2026-07-09T14:46:00Z", "2026-07-09T15:20:00Z"),
        ("0 0 29 Feb ?", "UTC", "2026-07-09T23:35:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 * * Mon-Fri", "UTC", "2026-11-27T12:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 0 13 * fri", "UTC", "2026-11-28T00:00:00Z", "2026-12-04T00:00:00Z"),
        ("0 0 */2 * sun", "UTC", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("30 8 1,15 jan,JUL *", "UTC", "2026-11-28T00:00:00Z", "2027-01-01T08:30:00Z"),
        ("59 23 31 12 *", "UTC", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"),
        ("@every 1h30m", "UTC", "2026-11-28T02:40:35Z", "2026-11-28T04:10:35Z"),
        ("@every 1ms", "UTC", "2026-11-28T02:40:35Z", "2026-11-28T02:40:36Z"),
        ("@hourly", "UTC", "2026-11-28T02:40:35Z", "2026-11-28T03:00:00Z"), ("@daily", "UTC", "2026-11-28T02:40:35Z", "2026-11-29T00:00:00Z"),
        ("@weekly", "UTC", "2026-11-28T02:40:35Z", "2026-11-29T00:00:00Z"), ("@monthly", "UTC", "2026-11-28T02:40:35Z", "2026-12-01T00:00:00Z"),
        ("@yearly", "UTC", "2026-11-28T02:40:35Z", "2027-01-01T00:00:00Z"),
        ("0 6 * * *", "Asia/Tokyo", "2026-11-28T02:40:35Z", "2026-11-28T21:00:00Z"),
        // Clocks go from 02:00 to 03:00: 02:30 is left out, and from 02:00 to 01:00: 01:30 is there twice.
        ("0 30 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T06:30:00Z"),
        ("0 30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"),
        ("0 30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
        ("0 * * * *", "America/New_York", "2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z"),
        // Beyond the last change that files of time zones list.
        ("0 12 1 7 *", "Europe/Berlin", "2060-01-01T00:00:00Z", "2060-07-01T10:00:00Z"),
        ("0 12 1 1 *", "Europe/Berlin", "2060-02-01T00:00:00Z", "2061-01-01T11:00:00Z"),
        ("0 12 1 1 *", "Australia/Lord_Howe", "2060-02-01T00:00:00Z", "2061-01-01T01:00:00Z"),
    ])
    func next(_ text: String, _ name: String, _ now: String, _ expected: String) throws {
        let schedule = try Schedule(Array(text.utf8))
        let next = try #require(schedule.next(after: time(now), in: zone(name)))
        #expect(ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(next))) == expected)
    }

    @Test("what is never due, or no schedule, is told", arguments: [
        "", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "5-1 * * * *", "*/0 * * * *",
        "1-2-3 * * * *", "a * * * *", "* * * foo *", "@every", "@every x", "@every -1s", "@never", "@daily x", "TZ= * * * * *", ", * * * *",
    ])
    func malformed(_ text: String) {
        #expect(throws: Schedule.Malformed.self) { try Schedule(Array(text.utf8)) }
    }

    @Test("a day that never comes has no next time, and a time zone may be named")
    func special() throws {
        #expect(try Schedule(Array("0 0 30 2 *".utf8)).next(after: 0, in: ZoneRules()) == nil)
        #expect(try Schedule(Array("CRON_TZ=Asia/Tokyo 0 6 * * *".utf8)).zone == Array("Asia/Tokyo".utf8))
    }

    @Test("offsets of time zones are those of the C library", arguments: [
        "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Pacific/Apia", "Etc/UTC",
    ])
    func offsets(_ name: String) throws {
        let rules = try zone(name)
        let known = try #require(TimeZone(identifier: name))
        // Every 5 days and a bit from 1950 on.
        for moment in stride(from: -631_152_000 as Int64, to: 2_145_916_800, by: 440_077) {
            let expected = known.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment)))
            #expect(rules.offset(at: moment) == Int64(expected), "\(name) at \(moment)")
        }
    }

    @Test("files of time zones that are broken are refused, and none brings it down")
    func broken() throws {
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
        for size in stride(from: 0, to: whole.count, by: 7) { _ = ZoneRules(file: Array(whole[..<size])) }
        for place in 0..<min(whole.count, 400) {
            var other = whole
            other[place] ^= 0xff
            _ = ZoneRules(file: other)?.offset(at: 1_800_000_000)
        }
    }
}

import Testing
@testable import Console

@Suite struct HumanFormatTests {
    @Test("times are as people say them", arguments: [
        (0, "0 ns"), (850, "850 ns"), (1_000, "1 µs"), (1_234, "1.23 µs"), (12_000, "12 µs"), (12_340, "12.3 µs"),
        (123_400, "123 µs"), (999_949, "1 ms"), (1_500_000, "1.5 ms"), (3_200_000_000, "3.2 s"),
        (59_940_000_000, "59.9 s"), (59_999_000_000, "1m"), (60_000_000_000, "1m"), (200_000_000_000, "3m 20s"),
        (3_600_000_000_000, "1h"), (7_500_000_000_000, "2h 5m"), (273_600_000_000_000, "3d 4h"), (-1_500, "-1.5 µs"),
        (Int64.min, "-106751d 23h"),
    ] as [(Int64, String)])
    func duration(nanoseconds: Int64, text: String) {
        #expect(HumanFormat.duration(nanoseconds: nanoseconds) == text)
    }

    @Test("sizes are as people say them", arguments: [
        (0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (14_200_000, "14.2 MB"), (14_249_999, "14.2 MB"),
        (999_999, "1 MB"), (1_536, "1.54 kB"), (-2_000, "-2 kB"), (Int64.max, "9.22 EB"),
    ] as [(Int64, String)])
    func bytes(count: Int64, text: String) {
        #expect(HumanFormat.bytes(count) == text)
    }

    @Test("numbers have commas between thousands", arguments: [
        (0, "0"), (999, "999"), (1_000, "1,000"), (1_204_331, "1,204,331"), (-12_345, "-12,345"),
        (Int64.min, "-9,223,372,036,854,775,808"),
    ] as [(Int64, String)])
    func count(number: Int64, text: String) {
        #expect(HumanFormat.count(number) == text)
    }

    @Test("a noun agrees with its number")
    func nouns() {
        #expect(HumanFormat.count(1, "plugin") == "1 plugin")
        #expect(HumanFormat.count(0, "plugin") == "0 plugins")
        #expect(HumanFormat.count(1_200, "entry", plural: "entries") == "1,200 entries")
    }

    @Test("seconds that are no number are said to be unknown", arguments: [Double.nan, .infinity, 1e300])
    func unknownSeconds(seconds: Double) {
        #expect(HumanFormat.duration(seconds: seconds) == "?")
    }
}

import Resources
import Testing

@Suite struct GoDurationTests {
    @Test(
        "a duration means what Go takes it for",
        arguments: [
            ("0", 0), ("5s", 5_000_000_000), ("1h2m3s", 3_723_000_000_000), ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000), ("1.s", 1_000_000_000), ("-1.5s", -1_500_000_000), ("+3ms", 3_000_000),
            ("10us", 10_000),
            ("10µs", 10_000), ("10μs", 10_000), ("7ns", 7), ("1.0000000005s", 1_000_000_000), ("0.000000001s", 1),
            ("1.23456789012345h", 4_444_444_404_444), ("9223372036854775807ns", .max), ("3h0.1s", 10_800_100_000_000),
        ] as [(String, Int64)])
    func reads(text: String, nanoseconds: Int64) {
        #expect(GoDuration.parse(text) == .nanoseconds(nanoseconds))
    }

    @Test(
        "what Go refuses is refused",
        arguments: [
            "", "5", "s", ".s", "-", "1x", "1 s", "1s ", "5S", "1..5s", "1e3s", "9223372036854775808ns", "3000000h",
            "1m5", "٥s",
        ])
    func refuses(text: String) {
        #expect(GoDuration.parse(text) == nil)
    }

    @Test("a number without a unit counts in the unit of the field")
    func bareNumbers() {
        #expect(GoDuration.parse("250", bareUnit: .milliseconds(1)) == .milliseconds(250))
        #expect(GoDuration.parse("2s", bareUnit: .milliseconds(1)) == .seconds(2))
        #expect(GoDuration.parse("9223372036854775807", bareUnit: .milliseconds(1)) == nil)
    }
}

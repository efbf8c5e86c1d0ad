import COctavo
import Testing

@testable import BuildingBlocks

@Suite("A time to live")
struct TimeToLiveTests {
    @Test(
        "is a number of seconds, -1 for ever",
        arguments: [
            (nil, Int(OCTAVO_TTL_UNSPECIFIED)), ("", Int(OCTAVO_TTL_UNSPECIFIED)), ("0", Int(OCTAVO_TTL_UNSPECIFIED)),
            ("-1", Int(OCTAVO_TTL_NEVER)), ("1", 1_000_000_000), ("3600", 3_600_000_000_000),
            ("2147483647", 2_147_483_647_000_000_000),
        ] as [(String?, Int)])
    func isRead(_ text: String?, _ nanoseconds: Int) throws {
        let write = StateWrite(key: "k", metadata: text.map { [("ttlInSeconds", $0)] } ?? [])
        #expect(try write.timeToLive().get() == Int64(nanoseconds))
    }

    @Test(
        "is refused when it is anything else",
        arguments: ["-2", "x", "1.5", " 1", "1s", "2147483648", "9223372036854775807", "99999999999999999999", "٣"])
    func isRefused(_ text: String) {
        let write = StateWrite(key: "k", metadata: [("ttlInSeconds", text)])
        #expect(throws: StateWrite.BadTimeToLive.self) { try write.timeToLive().get() }
    }

    @Test("takes room that is reserved, whatever the metadata")
    func roomIsReserved() {
        let type = String(repeating: "t", count: 500)
        let bare = StateWrite(key: "k", value: [1], metadata: [])
        let typed = StateWrite(key: "k", value: [1], metadata: [("contentType", type)])
        // The content type is copied as a member and among the metadata.
        #expect(typed.size(prefix: 0) >= bare.size(prefix: 0) + 2 * 500 + 32)
    }
}

import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Pieces") struct PieceTests {
    @Test(
        "grpc-timeout",
        arguments: [
            ("1n", GRPCTimeout.after(.nanoseconds(1))), ("20u", .after(.microseconds(20))),
            ("50m", .after(.milliseconds(50))),
            ("3S", .after(.seconds(3))), ("2M", .after(.minutes(2))), ("1H", .after(.hours(1))),
            ("99999999H", .after(.hours(8760))), ("", .malformed), ("S", .malformed), ("1", .malformed),
            ("-1S", .malformed),
            ("1 S", .malformed), ("123456789S", .malformed), ("1s", .malformed),
        ])
    func timeout(text: String, expected: GRPCTimeout) {
        #expect(Array(text.utf8).withUnsafeBytes { GRPCTimeout($0) } == expected)
    }

    @Test("Base64 goes both ways, with and without padding")
    func base64() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let text = Base64.encode(bytes)
            #expect(Base64.decode(text.utf8) == bytes)
            #expect(Base64.decode((text + String(repeating: "=", count: (4 - text.count % 4) % 4)).utf8) == bytes)
        }
        for bad in ["a", "a*bc", "====", "ab=c", "abcde"] { #expect(Base64.decode(bad.utf8) == nil, "\(bad)") }
    }

    @Test("a long message is cut between characters")
    func percent() {
        #expect(PercentEncoding.encode("plain", limit: 100) == "plain")
        #expect(PercentEncoding.encode("ä%", limit: 100) == "%C3%A4%25")
        #expect(PercentEncoding.encode("aää", limit: 8) == "a%C3%A4")
    }

    @Test("a path table finds what was put in and nothing else")
    func paths() {
        var table = PathTable<Int>()
        for index in 0..<500 { table.insert(index, for: "/package.Service\(index % 7)/Method\(index)") }
        table.insert(-1, for: "/package.Service0/Method0")
        for index in 1..<500 {
            #expect(
                Array("/package.Service\(index % 7)/Method\(index)".utf8).withUnsafeBytes { table.find($0) } == index)
        }
        #expect(Array("/package.Service0/Method0".utf8).withUnsafeBytes { table.find($0) } == -1)
        #expect(Array("/package.Service0/Method1".utf8).withUnsafeBytes { table.find($0) } == nil)
        #expect([UInt8]().withUnsafeBytes { table.find($0) } == nil)
        #expect(table.values.count == 500)
    }

    @Test("gzip keeps to its limit to the byte")
    func gzipLimit() {
        var packed = ByteBuffer()
        let plain = [UInt8](repeating: 9, count: 10_000)
        _ = plain.withUnsafeBytes { Gzip.compress($0, into: &packed) }
        packed.withUnsafeReadableBytes { bytes in
            #expect((try? Gzip.decompress(bytes, limit: 10_000).get())?.readableBytes == 10_000)
            #expect(throws: Gzip.Failure.tooLarge) { try Gzip.decompress(bytes, limit: 9_999).get() }
            for cut in 0..<bytes.count {
                #expect(throws: Gzip.Failure.malformed) {
                    try Gzip.decompress(UnsafeRawBufferPointer(rebasing: bytes[..<cut]), limit: 10_000).get()
                }
            }
        }
    }

    @Test("header fields that can't be sent are left out or made harmless")
    func batch() {
        var batch = HeaderBatch()
        batch.append("X-Name", "  value\r\nx: y\u{0} ")
        batch.append("bad name", "x")
        batch.append("", "x")
        batch.append("bad:", "x")
        var seen: [String] = []
        batch.append(HeaderFields([("Y", "z")]))
        batch.forEachPart { $0.forEach { seen.append(String(decoding: $0, as: UTF8.self) + "=" + String(decoding: $1, as: UTF8.self)) } }
        #expect(seen == ["x-name=value  x: y", "y=z"])
    }
}

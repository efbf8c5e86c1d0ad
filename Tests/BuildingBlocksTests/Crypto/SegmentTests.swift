import Testing

@testable import BuildingBlocks

@Suite("Segments of an encrypted message")
struct SegmentTests {
    /// What comes of `plain`, given in parts of `step` bytes.
    private func passed(_ plain: [UInt8], _ cipher: SegmentCipher, size: Int, step: Int) throws -> [[UInt8]] {
        var cutter = SegmentCutter(size: size)
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: plain.count, by: step) {
            try plain[start..<min(start + step, plain.count)].withUnsafeBytes { part in
                try cutter.add(part) { segment in try cipher.next(segment, isLast: false) { found.append(Array($0)) } }
            }
        }
        try cutter.end { segment in try cipher.next(segment, isLast: true) { found.append(Array($0)) } }
        return found
    }

    private func cipher(_ key: FileKey, seals: Bool, _ cipher: DataCipher = .aesGCM) throws -> SegmentCipher {
        try #require(SegmentCipher(cipher, key, noncePrefix: [1, 2, 3, 4, 5, 6, 7], seals: seals))
    }

    static let sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]

    @Test("come back whatever their sizes and parts are", arguments: sizes, [1_000, 65_536, 70_000, 1 << 20])
    func roundTrip(_ size: Int, _ step: Int) throws {
        let key = try #require(FileKey())
        let plain = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for one in DataCipher.allCases {
            let sealed = try passed(plain, try cipher(key, seals: true, one), size: SegmentCipher.segmentSize, step: step)
            #expect(sealed.count == (size + 65_535) / 65_536)
            #expect(sealed.reduce(0) { $0 + $1.count } == size + 16 * sealed.count)
            let opened = try passed(
                sealed.flatMap { $0 }, try cipher(key, seals: false, one), size: SegmentCipher.segmentSize + 16, step: step)
            #expect(opened.flatMap { $0 } == plain)
        }
    }

    @Test("of another place, another end, another key or another prefix are refused")
    func places() throws {
        let key = try #require(FileKey())
        let plain = [UInt8](repeating: 7, count: 65_536 * 2 + 5)
        let sealed = try passed(plain, try cipher(key, seals: true), size: SegmentCipher.segmentSize, step: plain.count)
        func opens(_ segments: [([UInt8], Bool)], _ key: FileKey = key, prefix: [UInt8] = [1, 2, 3, 4, 5, 6, 7]) throws -> Bool {
            let cipher = try #require(SegmentCipher(.aesGCM, key, noncePrefix: prefix, seals: false))
            for (segment, isLast) in segments {
                do throws(SegmentCipher.Failure) {
                    let result = segment.withUnsafeBytes { bytes -> Result<Void, SegmentCipher.Failure> in
                        do throws(SegmentCipher.Failure) {
                            return .success(try cipher.next(bytes, isLast: isLast) { _ in })
                        } catch { return .failure(error) }
                    }
                    try result.get()
                } catch { return false }
            }
            return true
        }
        #expect(try opens([(sealed[0], false), (sealed[1], false), (sealed[2], true)]))
        #expect(try !opens([(sealed[1], false)]))
        #expect(try !opens([(sealed[0], true)]))
        #expect(try !opens([(sealed[0], false), (sealed[1], true)]))
        #expect(try !opens([(sealed[0], false), (sealed[2], true)]))
        #expect(try !opens([(sealed[0], false), (sealed[1], false), (sealed[2], false)]))
        #expect(try !opens([(sealed[0], false)], try #require(FileKey())))
        #expect(try !opens([(sealed[0], false)], prefix: [1, 2, 3, 4, 5, 6, 8]))
        #expect(try !opens([(Array(sealed[0].prefix(16)), true)]))
        #expect(try !opens([([], true)]))
    }
}

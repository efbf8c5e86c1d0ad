import COctavo
import DaprProtos
import ProtoWire
import Testing

@testable import DaprAPI

@Suite("A GetState request")
struct GetStateDecodingTests {
    typealias Request = Dapr_Proto_Runtime_V1_GetStateRequest

    private func fast(_ bytes: [UInt8]) -> (String, String, Int32)? {
        bytes.withUnsafeBytes { buffer in
            GetStateDecoding(buffer).map {
                (String(decoding: $0.store, as: UTF8.self), String(decoding: $0.key, as: UTF8.self), $0.consistency)
            }
        }
    }

    @Test(
        "that is usual is read in place, as ProtoReader reads it",
        arguments: [0, 1, 7, 8, 9, 127, 128, 129, 1000, 16_383])
    func usual(_ length: Int) throws {
        let request = Request.with {
            $0.storeName = "statestore"
            $0.key = String(repeating: "k", count: length)
            $0.consistency = .consistencyStrong
        }
        let (store, key, consistency) = try #require(fast(request.serializedBytes()))
        #expect(store == request.storeName)
        #expect(key == request.key)
        #expect(consistency == OCTAVO_CONSISTENCY_STRONG)
    }

    @Test("that is not usual is left to ProtoReader")
    func unusual() throws {
        let metadata = Request.with { $0.key = "k"; $0.metadata = ["a": "b"] }
        #expect(fast(metadata.serializedBytes()) == nil)
        #expect(fast(Request.with { $0.key = "schlüssel" }.serializedBytes()) == nil)
        #expect(fast(Request.with { $0.key = "12345678ü" }.serializedBytes()) == nil)
        #expect(fast(Request.with { $0.consistency = .UNRECOGNIZED(3) }.serializedBytes()) == nil)
        #expect(fast([0x2a, 0x01, 0x61]) == nil)
    }

    @Test("that is cut anywhere is never read beyond its end")
    func truncated() throws {
        let bytes: [UInt8] = Request.with { $0.storeName = "statestore"; $0.key = String(repeating: "k", count: 200) }
            .serializedBytes()
        for end in 0..<bytes.count {
            guard let (store, key, _) = fast(Array(bytes[..<end])) else { continue }
            #expect(store.isEmpty || store == "statestore")
            #expect(key.isEmpty)
        }
    }

    @Test("of random bytes reads like ProtoReader or not at all")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var state = seed
        func next() -> UInt8 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
        for _ in 0..<20_000 {
            let tags: [UInt8] = [0x0a, 0x12, 0x18, 0x22, 0x7f]
            var bytes: [UInt8] = []
            for _ in 0..<Int(next() % 4) {
                bytes.append(tags[Int(next()) % tags.count])
                let count = next() % 6
                bytes.append(count)
                for _ in 0..<count { bytes.append(next() & 0x7f) }
            }
            guard let (store, key, consistency) = fast(bytes) else { continue }
            let request = try Request(serializedBytes: bytes)
            #expect(store == request.storeName && key == request.key, "seed \(seed), bytes \(bytes)")
            #expect(consistency == request.consistency.known, "seed \(seed), bytes \(bytes)")
        }
    }
}

import DaprProtos
import ProtoWire
import Testing

@testable import DaprAPI

@Suite("Frames of encrypted data")
struct PayloadFrameTests {
    @Test("are the bytes of the message", arguments: [0, 1, 127, 128, 300, 16_383, 16_384, UInt64(UInt32.max), .max], [1, 126, 127, 128, 16_380, 65_552])
    func same(_ seq: UInt64, _ size: Int) throws {
        let data = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let expected = Dapr_Proto_Runtime_V1_EncryptResponse.with {
            $0.payload = .with {
                $0.data = data
                $0.seq = seq
            }
        }
        let bytes = data.withUnsafeBytes { data in
            let frame = PayloadFrame(seq: seq, data: data)
            return [UInt8](unsafeUninitializedCapacity: frame.size) { out, count in
                frame.write(to: UnsafeMutableRawBufferPointer(out))
                count = frame.size
            }
        }
        #expect(bytes.count == expected.serializedBytes().count)
        let read = try Dapr_Proto_Runtime_V1_DecryptResponse(serializedBytes: bytes)
        #expect(read.payload.data == data && read.payload.seq == seq)
    }
}

import NIOCore
@testable import Transport

// Parses requests of one connection at once and in pieces: both must say the same, whatever it is. The first byte of an
// input says how long the pieces are.

/// What the parser said, bodies joined.
func events(_ bytes: [UInt8], piece: Int) -> [String] {
    var parser = HTTP1RequestParser(maxHeaderBytes: 2000, maxHeaderCount: 20)
    var result: [String] = []
    var body: [UInt8] = []
    var input = ByteBuffer()
    var offset = 0
    var hasFailed = false
    while offset < bytes.count, !hasFailed {
        let end = min(offset + piece, bytes.count)
        input.writeBytes(bytes[offset..<end])
        offset = end
        while let event = parser.next(&input) {
            switch event {
            case .head(let head):
                body = []
                result.append("\(head.method) \(head.target) \(head.minorVersion) \(head.isKeepAlive) \(head.hasBody)")
                head.fields.forEach { name, value in
                    precondition(!name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7f && !(0x41...0x5a ~= $0) })
                    precondition(value.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 9 })
                    result.append(String(decoding: name, as: UTF8.self) + ": " + String(decoding: value, as: UTF8.self))
                }
            case .body(let part): body += part.readableBytesView
            case .end: result.append("end \(body)")
            // What is wrong with a request may show in another place when it comes in pieces; that it is wrong must not.
            case .failed:
                result.append("failed")
                hasFailed = true
            }
        }
    }
    return result
}

func run(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    let piece = [1, 2, 3, 5, 7, 16, 100, 1000][Int(first & 7)]
    let whole = events(bytes, piece: max(1, bytes.count))
    let pieces = events(bytes, piece: piece)
    precondition(whole == pieces, "\(whole) at once, \(pieces) in pieces")
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("fuzz_http1_request_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments) { bytes, count in
        run(UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }
}

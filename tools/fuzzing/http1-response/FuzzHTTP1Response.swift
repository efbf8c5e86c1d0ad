import NIOCore
@testable import Transport

// Parses a response at once and in pieces: both must say the same, whatever it is. The first byte of an input says how
// long the pieces are and whether it answers HEAD.

/// What the parser said, bodies joined.
func events(_ bytes: [UInt8], piece: Int, isHEAD: Bool) -> [String] {
    var parser = HTTP1ResponseParser(maxHeaderBytes: 2000, maxHeaderCount: 20)
    parser.begin(isHEAD: isHEAD)
    var result: [String] = []
    var body: [UInt8] = []
    var isOver = false
    func take(_ event: HTTP1ResponseParser.Event) {
        precondition(!isOver, "nothing comes after the end")
        switch event {
        case .informational(let status): result.append("\(status)")
        case .head(let status): result.append("\(status) \(parser.fields.count)")
        case .body(let part): body += part.readableBytesView
        case .end:
            result.append("end \(body) \(parser.trailers.count) \(parser.isKeepAlive)")
            isOver = true
        case .failed(let fault):
            result.append("failed \(fault.text)")
            isOver = true
        }
    }
    var offset = 0
    var rest = 0
    while offset < bytes.count {
        let end = min(offset + piece, bytes.count)
        var input = ByteBuffer(bytes: bytes[offset..<end])
        while let event = parser.next(&input) { take(event) }
        if isOver { rest += input.readableBytes } else { precondition(input.readableBytes == 0, "bytes are left over") }
        offset = end
    }
    if !isOver, let event = parser.close() { take(event) }
    if result.last?.hasPrefix("end") == true { result.append("\(rest) more") }
    return result
}

func run(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    let piece = [1, 2, 3, 5, 7, 16, 100, 1000][Int(first & 7)]
    let isHEAD = first & 8 != 0
    let whole = events(bytes, piece: max(1, bytes.count), isHEAD: isHEAD)
    let pieces = events(bytes, piece: piece, isHEAD: isHEAD)
    precondition(whole == pieces, "\(whole) at once, \(pieces) in pieces")
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("fuzz_http1_response_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments) { bytes, count in
        run(UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }
}

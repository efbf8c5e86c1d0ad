import BuildingBlocks

// Reads bytes as a message of Dapr's encryption scheme: its header, and the cutting of what follows, which must not
// depend on how the bytes come.

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    cut(bytes)
    let whole: Int?
    do throws(SchemeHeader.Malformed) { whole = try SchemeHeader.end(in: bytes) } catch { return 0 }
    guard let whole else { return 0 }
    guard whole <= size, whole <= SchemeHeader.sizeLimit, bytes[whole - 1] == 0x0A else { fatalError("the end is nowhere") }
    // The end is found as soon as it has come, and not before.
    guard (try? SchemeHeader.end(in: UnsafeRawBufferPointer(rebasing: bytes[..<whole]))) == whole,
        (try? SchemeHeader.end(in: UnsafeRawBufferPointer(rebasing: bytes[..<(whole - 1)]))) == .some(nil)
    else { fatalError("the end depends on what follows") }
    let text = UnsafeRawBufferPointer(rebasing: bytes[..<whole])
    let header: SchemeHeader
    do throws(SchemeHeader.Malformed) { header = try SchemeHeader(parsing: text) } catch {
        guard !error.cause.isEmpty else { fatalError("no cause") }
        return 0
    }
    guard header.noncePrefix.count == 7, !header.wrappedKey.isEmpty else { fatalError("\(header)") }
    // What is signed and what signs it are the header, byte by byte.
    guard Array(text) == header.signedText + header.code + [0x0A] else { fatalError("\(header)") }
    return 0
}

/// Segments of the bytes, given whole and in parts of a size that the first byte says.
private func cut(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    let size = 1 + Int(first & 15)
    let step = 1 + Int(first >> 4)
    func segments(_ step: Int) -> [[UInt8]] {
        var cutter = SegmentCutter(size: size)
        var found: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            cutter.add(UnsafeRawBufferPointer(rebasing: rest.prefix(step))) { found.append(Array($0)) }
            rest = rest.dropFirst(step)
        }
        cutter.end { found.append(Array($0)) }
        return found
    }
    let whole = segments(bytes.count)
    guard whole == segments(step), whole.flatMap({ $0 }) == Array(bytes) else { fatalError("segments depend on the parts") }
    guard whole.dropLast().allSatisfy({ $0.count == size }), (1...size).contains(whole.last?.count ?? 0) else {
        fatalError("a segment of another size")
    }
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_crypto_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

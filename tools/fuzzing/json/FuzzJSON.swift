import JSONText

// Reads bytes as JSON in every way there is, which must agree with each other.

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let value: JSONValue
    do throws(JSONError) {
        value = try JSONValue(parsing: bytes)
    } catch {
        guard (0...size).contains(error.offset), !isJSON(bytes) else { fatalError("\(error)") }
        return 0
    }
    guard isJSON(bytes) else { fatalError("the tree is read, the text is not") }
    guard (try? JSONValue(parsing: compactJSON(bytes))) == value else { fatalError("compacting changed the value") }
    var writer = JSONWriter()
    writer.value(value)
    guard (try? JSONValue(parsing: writer.bytes)) == value else { fatalError("writing changed the value") }
    return 0
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_json_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

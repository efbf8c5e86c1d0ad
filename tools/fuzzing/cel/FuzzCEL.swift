import CEL

// Reads the input as an expression and, if it is one, evaluates it over an event.

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    let event = CELValue.map([
        ("type", .string("a.b")), ("data", .map([("n", .double(1.5)), ("list", .list([.int(1), .string("x"), .null]))])),
    ])
    guard let expression = try? CELExpression(text) else { return 0 }
    _ = try? expression.value(["event": event], steps: 5000)
    return 0
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_cel_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

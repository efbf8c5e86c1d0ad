import Resources

// Reads bytes as a resource file. Whatever they are: no crash, no spin, and every diagnostic has a place
// within the text.

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let outcome = ResourceText.read(bytes, file: "f.yaml")
    let lines = bytes.reduce(1) { $0 + ($1 == 0x0a ? 1 : 0) }
    for diagnostic in outcome.diagnostics {
        let mark = diagnostic.location.mark
        // libyaml ends lines at a carriage return and three Unicode separators, too.
        guard mark.line >= 1, mark.column >= 1, mark.line <= lines + size else {
            fatalError("\(diagnostic) is not within the text")
        }
    }
    var random = SystemRandomNumberGenerator()
    let resolver = MetadataResolver(appID: "app", namespace: nil, environment: ["A": "b"])
    for case .component(let component) in outcome.resources {
        for item in component.metadata { _ = resolver.resolve(item, resource: "x", random: &random) }
    }
    // What was read must be the same a second time.
    guard ResourceText.read(bytes, file: "f.yaml") == outcome else { fatalError("two readings differ") }
    return 0
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_yaml_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

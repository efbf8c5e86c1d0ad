import Components

// Inspects bytes as a plugin file: ELF headers, dynamic section, symbols, notes. Whatever they hold, the answer
// is an inspection or one sentence, and the inspection keeps what it promises.

@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let inspection: PluginInspection
    do throws(PluginError) {
        inspection = try PluginInspection(path: "fuzz.so", bytes: bytes, identity: FileIdentity())
    } catch {
        guard error.description.hasPrefix("plugin fuzz.so ") else { fatalError("\(error)") }
        return 0
    }
    guard !inspection.id.isEmpty, !inspection.id.contains("/") else { fatalError("the id \(inspection.id) is a path") }
    return 0
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("fuzz_plugin_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

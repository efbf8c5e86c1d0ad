import EveryKind
import ProtoWire

// Reads bytes as a message of the kind that the first byte names. What is a message must be the same one after it was
// written and read again.

/// Every shape of field that the generator knows.
let kinds: [any Message.Type] = [
    Octavo_Testing_Every.self, Octavo_Testing_Optional.self, Octavo_Testing_Lists.self, Octavo_Testing_Maps.self,
    Octavo_Testing_Choice.self, Octavo_Testing_Tree.self, Octavo_Testing_Names.self, Octavo_Testing_Nothing.self,
]

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    if size > 0 { check(kinds[Int(data[0]) % kinds.count], UnsafeRawBufferPointer(start: data + 1, count: size - 1)) }
    return 0
}

func check(_ kind: any Message.Type, _ bytes: UnsafeRawBufferPointer) {
    guard let message = try? kind.init(serializedBytes: bytes) else { return }
    let once = message.serializedBytes()
    guard let again = try? kind.init(serializedBytes: once) else { fatalError("what was written can't be read") }
    // The pairs of maps come in any order.
    guard again.serializedBytes().sorted() == once.sorted() else { fatalError("writing changed the message") }
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_proto_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}

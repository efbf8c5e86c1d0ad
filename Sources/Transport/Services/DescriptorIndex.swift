/// Finds serialized file descriptors by name and by the symbols that they define. Immutable.
struct DescriptorIndex: Sendable {
    struct File: Sendable {
        var bytes: [UInt8]
        var name = ""
        var package = ""
        var imports: [String] = []
    }

    private(set) var files: [File] = []
    private var names: [String: Int] = [:]
    private var symbols: [String: Int] = [:]

    init(files: [[UInt8]]) {
        for bytes in files { bytes.withUnsafeBytes { add($0, bytes) } }
    }

    func file(named name: String) -> Int? { names[name] }

    /// The file that defines a message, enum, service or one of their members; names are fully qualified.
    func file(defining symbol: String) -> Int? {
        if let file = symbols[symbol] { return file }
        // A method, field or value belongs to what encloses it.
        guard let dot = symbol.lastIndex(of: ".") else { return nil }
        return symbols[String(symbol[..<dot])]
    }

    /// The file and everything that it imports, each once, itself first.
    func withImports(_ file: Int) -> [Int] {
        var result: [Int] = []
        var waiting = [file]
        while let next = waiting.popLast() {
            if result.contains(next) { continue }
            result.append(next)
            waiting.append(contentsOf: files[next].imports.reversed().compactMap { names[$0] })
        }
        return result
    }

    /// `google.protobuf.FileDescriptorProto`: 1 name, 2 package, 3 dependency, 4 message_type, 5 enum_type, 6 service.
    private mutating func add(_ content: UnsafeRawBufferPointer, _ bytes: [UInt8]) {
        var file = File(bytes: bytes)
        var defined: [String] = []
        do {
            file.package = try WireFormat.string(2, in: content)
            let prefix = file.package.isEmpty ? "" : file.package + "."
            try WireFormat.forEachField(content) { number, bytes in
                switch number {
                case 1: file.name = String(decoding: bytes, as: UTF8.self)
                case 3: file.imports.append(String(decoding: bytes, as: UTF8.self))
                case 4: try Self.collect(bytes, prefix, &defined, depth: 0)
                case 5, 6: defined.append(prefix + (try WireFormat.string(1, in: bytes)))
                default: break
                }
            }
        } catch {
            return
        }
        guard names[file.name] == nil else { return }
        names[file.name] = files.count
        for symbol in defined { symbols[symbol] = files.count }
        files.append(file)
    }

    /// `DescriptorProto`: 1 name, 3 nested_type, 4 enum_type.
    private static func collect(
        _ message: UnsafeRawBufferPointer, _ prefix: String, _ defined: inout [String], depth: Int
    ) throws {
        guard depth < 64 else { throw WireFormat.Malformed() }
        let name = prefix + (try WireFormat.string(1, in: message))
        defined.append(name)
        try WireFormat.forEachField(message) { number, bytes in
            switch number {
            case 3: try collect(bytes, name + ".", &defined, depth: depth + 1)
            case 4: defined.append(name + "." + (try WireFormat.string(1, in: bytes)))
            default: break
            }
        }
    }
}

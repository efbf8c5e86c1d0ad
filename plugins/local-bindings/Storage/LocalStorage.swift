import LocalBindingsPluginNative
import PluginKit

/// `bindings.localstorage`: files below a folder. On worker threads.
final class LocalStorage: Binding {
    private let root: [CChar]
    private var descriptor: Int32 = -1
    /// The folder as it is named in lists, without links.
    private var path: [UInt8] = []

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        root = config.cString("rootPath")!
        super.init(instance, Features(OCTAVO_BINDING_OUTPUT))
    }

    override func start(_ call: Call) throws(PluginError) {
        var name = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        descriptor = storage_open_root(root, &name)
        guard descriptor >= 0 else {
            let number = plugin_kit_errno()
            let shown = String(decoding: root.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if number == EPERM {
                throw PluginError(
                    OCTAVO_CODE_FAILED_PRECONDITION, "rootPath \(shown) is a place of the system's own; name another folder.")
            }
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The folder rootPath, \(shown), can't be made or opened: \(PluginError.text(ofErrno: number)).")
        }
        path = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        if descriptor >= 0 { _ = PluginKit.close(descriptor) }
        descriptor = -1
        call.done()
    }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        let operation = request.pointee.operation
        let given = request.pointee.head.metadata.pair("fileName")
        let name = try FilePath(given.isEmpty && operation.equals("create") ? Str.absent : given)
        if operation.equals("create") {
            try create(name.isEmpty && given.isEmpty ? FilePath(random: ()) : name, request.pointee.data, reply)
        } else if operation.equals("get") {
            try get(name, reply)
        } else if operation.equals("delete") {
            try check(name, name.isEmpty ? EISDIR : storage_remove(descriptor, name.text))
            reply.done()
        } else if operation.equals("list") {
            try list(name, reply)
        } else {
            throw Binding.unknownOperation(operation, "create, get, list and delete")
        }
    }

    private func check(_ name: borrowing FilePath, _ number: Int32) throws(PluginError) {
        if number == 0 { return }
        let shown = name.isEmpty ? "the root folder itself" : name.string
        switch number {
        case ENOENT, ENOTDIR: throw PluginError(OCTAVO_CODE_NOT_FOUND, "There is no file \(shown).")
        case ELOOP: throw .invalid("\(shown) goes through a link, which is not followed.")
        case EISDIR: throw .invalid("\(shown) is a folder; name a file.")
        case ENOTEMPTY: throw PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "The folder \(shown) is not empty.")
        case ENOSPC, EDQUOT: throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no room for \(shown) on the disk.")
        case EFBIG: throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(shown) is larger than 256 MiB, or are more than 100,000 files.")
        default: throw PluginError(OCTAVO_CODE_INTERNAL, "\(shown): \(PluginError.text(ofErrno: number)).")
        }
    }

    private func create(_ name: FilePath, _ data: Bytes, _ reply: InvokeReply) throws(PluginError) {
        // Source: Dapr, which unquotes a JSON text and decodes what is Base64.
        var content = BindingData.unquoted(data)
        if let decoded = BindingData.base64(content) { content = decoded }
        try check(name, name.isEmpty ? EISDIR : content.withUnsafeBytes { storage_write(descriptor, name.text, $0.baseAddress, $0.count) })
        var answer = Array("{\"fileName\":".utf8)
        BindingData.appendQuoted(name.bytes, to: &answer)
        answer.append(0x7d)
        answer.withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json")) }
    }

    private func get(_ name: FilePath, _ reply: InvokeReply) throws(PluginError) {
        var size = 0
        let file = name.isEmpty ? -EISDIR : storage_open(descriptor, name.text, &size)
        if file < 0 { try check(name, -file) }
        defer { _ = PluginKit.close(file) }
        guard let buffer = reply.call.replyBuffer(max(size, 1)) else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no memory for the \(size) bytes of \(name.string).")
        }
        var done = 0
        while done < size {
            let got = PluginKit.read(file, buffer.baseAddress! + done, size - done)
            if got < 0 { try check(name, plugin_kit_errno()) }
            // It was made shorter meanwhile.
            if got <= 0 { break }
            done += got
        }
        reply.done(Bytes(UnsafeRawBufferPointer(start: buffer.baseAddress, count: done)), contentType: Str("application/octet-stream"))
    }

    private func list(_ name: FilePath, _ reply: InvokeReply) throws(PluginError) {
        let found = Found(path)
        try check(
            name,
            storage_list(descriptor, name.text, { context, text in
                Unmanaged<Found>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.add(text!) }
            }, Unmanaged.passUnretained(found).toOpaque()))
        found.answer().withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json")) }
    }

    private final class Found {
        private let root: [UInt8]
        private var names: [[UInt8]] = []

        init(_ root: [UInt8]) { self.root = root }

        func add(_ name: UnsafePointer<CChar>) { names.append([UInt8](UnsafeRawBufferPointer(start: name, count: strlen(name)))) }

        func answer() -> [UInt8] {
            names.sort { $0.lexicographicallyPrecedes($1) }
            var text: [UInt8] = [0x5b]
            for (index, name) in names.enumerated() {
                if index > 0 { text.append(0x2c) }
                BindingData.appendQuoted(root + [0x2f] + name, to: &text)
            }
            text.append(0x5d)
            return text
        }
    }
}

/// The place of a file below the root: `.` and `..` are resolved as they are written, and never above the root.
struct FilePath {
    /// Ended by a NUL, for C.
    let text: [CChar]

    init(_ given: Str) throws(PluginError) {
        var parts: [ArraySlice<UInt8>] = []
        let all = given.array
        guard !all.contains(0), all.count < 4000 else { throw .invalid("The fileName has a NUL in it, or is longer than 4000 bytes.") }
        for part in all.split(separator: 0x2f) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
        }
        var text: [CChar] = []
        for part in parts {
            if !text.isEmpty { text.append(0x2f) }
            text.append(contentsOf: part.map { CChar(bitPattern: $0) })
        }
        self.text = text + [0]
    }

    /// A UUID.
    init(random: Void) { text = BindingData.uuid().map { CChar(bitPattern: $0) } + [0] }

    var isEmpty: Bool { text.count == 1 }
    var bytes: [UInt8] { text.dropLast().map { UInt8(bitPattern: $0) } }
    var string: String { String(decoding: bytes, as: UTF8.self) }
}

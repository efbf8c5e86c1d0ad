import AWSPluginNative
import PluginHTTP
import PluginKit

/// `bindings.aws.s3`: objects of a bucket. On the instance's reactor thread; files are read on a thread of their own.
final class S3Binding: Binding {
    private let component: Instance
    private let client: S3Client
    private let decodes: Bool
    private let encodes: Bool
    private let storageClass: [UInt8]
    private var open: [octavo_call: HTTPTransfer] = [:]
    /// Files that are being read, of which there are so many at most.
    private var files = 0
    private static let maxFiles = 4
    private var stopping: Call?

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        client = S3Client(try S3Settings(config), instance, verifies: !config.flag("insecureSSL"))
        decodes = config.flag("decodeBase64")
        encodes = config.flag("encodeBase64")
        storageClass = config.text("storageClass").array
        component = instance
        super.init(instance, Features(OCTAVO_BINDING_OUTPUT))
    }

    override func start(_ call: Call) throws(PluginError) {
        try client.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        client.close()
        if files > 0 { stopping = call } else { call.done() }
    }

    /// Whether the bucket answers to these credentials; who may not list it may still do other things.
    override func health(_ call: Call) throws(PluginError) {
        var request = S3Client.Request("GET")
        request.query = [(Array("max-keys".utf8), Array("1".utf8))]
        _ = try client.send(request) { result in
            if case .failure(let error) = result, error.code != OCTAVO_CODE_PERMISSION_DENIED { call.fail(error) } else { call.done() }
        }
    }

    override func cancel(_ call: Call) {
        guard let transfer = open.removeValue(forKey: call.id) else { return }
        client.cancel(transfer)
        call.fail(PluginError(OCTAVO_CODE_CANCELLED, "Nobody waits for the answer any more."))
    }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        let operation = request.pointee.operation, metadata = request.pointee.head.metadata
        if operation.equals("create") {
            try create(metadata, request.pointee.data, reply)
        } else if operation.equals("get") {
            try get(metadata, reply)
        } else if operation.equals("delete") {
            try send(S3Client.Request("DELETE", try Self.key(metadata), isWrite: true), reply) { _ in reply.done() }
        } else if operation.equals("list") {
            var asked = S3Client.Request("GET")
            asked.query = try S3ListRequest(request.pointee.data).query
            try send(asked, reply) { response in
                guard let json = S3List.json(response.body) else {
                    return reply.call.fail(PluginError(OCTAVO_CODE_INTERNAL, "The answer to list is no list of S3. Is the endpoint a service with its API?"))
                }
                json.withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json")) }
            }
        } else if operation.equals("presign") {
            let key = try Self.key(metadata)
            guard let seconds = try Self.seconds(metadata) else { throw .invalid("presign needs presignTTL in the metadata: how long the URL is valid, such as 15m.") }
            var json = Array("{\"presignURL\":".utf8)
            BindingData.appendQuoted(client.presigned(key, seconds: seconds), to: &json)
            json.append(0x7d)
            json.withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json")) }
        } else {
            throw Binding.unknownOperation(operation, "create, get, delete, list and presign")
        }
    }

    // MARK: Metadata of a request

    private static func key(_ metadata: octavo_list) throws(PluginError) -> [UInt8] {
        let key = metadata.pair("key")
        if key.isEmpty { throw .invalid("The operation needs key in the metadata: the object's name.") }
        return key.array
    }

    /// Of presignTTL; nil without it.
    private static func seconds(_ metadata: octavo_list) throws(PluginError) -> Int64? {
        let text = metadata.pair("presignTTL")
        if text.isEmpty { return nil }
        guard let time = GoDuration.parse(text.array) else { throw .invalid("presignTTL \"\(text.string)\" is no duration such as 15m or 1h30m.") }
        let seconds = time / 1_000_000_000
        guard seconds >= 1, seconds <= 604_800 else { throw .invalid("presignTTL \"\(text.string)\" must be from 1s to 168h, a week.") }
        return seconds
    }

    private static func line(_ metadata: octavo_list, _ name: StaticString) -> [UInt8] {
        var text = metadata.pair(name).array
        while text.first == 0x20 { text.removeFirst() }
        while text.last == 0x20 { text.removeLast() }
        return text
    }

    // MARK: Objects

    /// Sends it; what fails ends the call.
    private func send(_ request: S3Client.Request, _ reply: InvokeReply, done: @escaping (HTTPResponse) -> Void) throws(PluginError) {
        let id = reply.call.id
        open[id] = try client.send(request) { [unowned(unsafe) self] result in
            guard self.open.removeValue(forKey: id) != nil else { return }
            switch result {
            case .failure(let error): reply.call.fail(error)
            case .success(let response): done(response)
            }
        }
    }

    private func get(_ metadata: octavo_list, _ reply: InvokeReply) throws(PluginError) {
        let written = metadata.pair("encodeBase64")
        let encodes = written.isEmpty ? self.encodes : BindingData.isTrue(written)
        try send(S3Client.Request("GET", try Self.key(metadata)), reply) { response in
            if encodes {
                var text = [UInt8](repeating: 0, count: Base64.encodedSize(response.body.count) + 1)
                response.body.withUnsafeBytes { from in text.withUnsafeMutableBufferPointer { Base64.encode(from, to: $0.baseAddress!) } }
                text.removeLast()
                return text.withUnsafeBytes { reply.done(Bytes($0), contentType: Str("text/plain")) }
            }
            let type = response.header("content-type") ?? []
            type.withUnsafeBytes { type in
                response.body.withUnsafeBytes { reply.done(Bytes($0), contentType: type.isEmpty ? .absent : Str(type)) }
            }
        }
    }

    private func create(_ metadata: octavo_list, _ data: Bytes, _ reply: InvokeReply) throws(PluginError) {
        var request = S3Client.Request("PUT", metadata.pair("key").array, isWrite: true)
        if request.key.isEmpty { request.key = BindingData.uuid() }
        var type = Self.line(metadata, "Content-Type")
        if type.isEmpty { type = Self.line(metadata, "contentType") }
        if !type.isEmpty { request.headers.append((Array("content-type".utf8), type)) }
        var storage = Self.line(metadata, "storageClass")
        if storage.isEmpty { storage = storageClass }
        if !storage.isEmpty { request.headers.append((Array("x-amz-storage-class".utf8), storage)) }
        let seconds = try Self.seconds(metadata)
        let written = metadata.pair("decodeBase64")
        let decodes = written.isEmpty ? self.decodes : BindingData.isTrue(written)
        let path = metadata.pair("filePath")
        if path.isEmpty { return try store(request, BindingData.unquoted(data), decodes, seconds, reply) }

        guard files < Self.maxFiles else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(files) files are being read for this component already. Send less at a time.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        let file = FileContent(path.array)
        files += 1
        let isStarted = Background.start(component, name: "s3-file", work: { file.read() }) { [self] in
            files -= 1
            do throws(PluginError) {
                try store(request, try file.content(), decodes, seconds, reply)
            } catch {
                reply.call.fail(error)
            }
            if files == 0, let stopping {
                self.stopping = nil
                stopping.done()
            }
        }
        if !isStarted {
            files -= 1
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no thread to be had to read the file.", flags: OCTAVO_ERROR_RETRYABLE)
        }
    }

    private func store(
        _ request: S3Client.Request, _ content: [UInt8], _ decodes: Bool, _ seconds: Int64?, _ reply: InvokeReply
    ) throws(PluginError) {
        var request = request
        if decodes {
            guard let decoded = BindingData.base64(content.filter { $0 != 0x0a && $0 != 0x0d }) else {
                throw .invalid("decodeBase64 is set, and the data are no Base64.")
            }
            request.body = decoded
        } else {
            request.body = content
        }
        let key = request.key
        try send(request, reply) { [unowned(unsafe) self] response in
            var json = Array("{\"location\":".utf8)
            BindingData.appendQuoted(client.location(key), to: &json)
            json += Array(",\"versionID\":".utf8)
            if let version = response.header("x-amz-version-id") {
                BindingData.appendQuoted(version, to: &json)
            } else {
                json += Array("null".utf8)
            }
            if let seconds {
                json += Array(",\"presignURL\":".utf8)
                BindingData.appendQuoted(client.presigned(key, seconds: seconds), to: &json)
            }
            json.append(0x7d)
            json.withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json"), metadata: [(Array("key".utf8), key)]) }
        }
    }
}

/// A file to be stored: read by a thread of its own, and looked at when that has ended.
private final class FileContent {
    private let path: [UInt8]
    private var bytes: UnsafeMutablePointer<UInt8>?
    private var size = 0
    private var problem: Int32 = 0

    init(_ path: [UInt8]) { self.path = path }
    deinit { free(bytes) }

    func read() {
        guard !path.contains(0) else {
            problem = EINVAL
            return
        }
        let text = path.map { CChar(bitPattern: $0) } + [0]
        problem = aws_read_file(text, S3Client.maxObject, &bytes, &size)
    }

    func content() throws(PluginError) -> [UInt8] {
        if problem == 0 { return [UInt8](UnsafeRawBufferPointer(start: bytes, count: size)) }
        let shown = String(decoding: path.prefix(500), as: UTF8.self)
        if problem == EFBIG { throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The file filePath, \(shown), is longer than 256 MiB.") }
        throw PluginError(
            problem == ENOENT ? OCTAVO_CODE_NOT_FOUND : OCTAVO_CODE_FAILED_PRECONDITION,
            "The file filePath, \(shown), can't be read: \(PluginError.text(ofErrno: problem)).")
    }
}

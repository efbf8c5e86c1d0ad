import NIOConcurrencyHelpers

/// Server reflection, `grpc.reflection.v1` and `v1alpha`, whose messages are the same (gRPC: server-reflection.md).
///
/// Serves the files that it is given. Immutable, so one may be added to the routers of all event loops.
package final class ReflectionService: Sendable {
    private let files: @Sendable () -> [[UInt8]]
    /// Made when it is asked for first: hardly anyone does, and it takes some milliseconds.
    private let made = NIOLockedValueBox<DescriptorIndex?>(nil)

    /// `files` are serialized `google.protobuf.FileDescriptorProto`, in any order, with those that they import. A file
    /// that can't be read is left out.
    package init(files: @autoclosure @escaping @Sendable () -> [[UInt8]]) { self.files = files }

    private var index: DescriptorIndex {
        made.withLockedValue { index in
            if let index { return index }
            let new = DescriptorIndex(files: files())
            index = new
            return new
        }
    }

    /// Adds the method of both versions. `services` lists what `list_services` names; nil takes the services of the
    /// router's methods at the time of the question.
    package func add(to router: GRPCRouter, services: [String]? = nil) {
        for version in ["v1", "v1alpha"] {
            router.stream("/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo") {
                [self, unowned router] call in
                Session(call, self.index) { services ?? router.services }
            }
        }
    }

    private final class Session: GRPCStreamReceiver {
        private let call: GRPCCall
        private let index: DescriptorIndex
        private let services: () -> [String]
        private var isFull = false

        init(_ call: GRPCCall, _ index: DescriptorIndex, _ services: @escaping () -> [String]) {
            self.call = call
            self.index = index
            self.services = services
        }

        func receive(_ message: UnsafeRawBufferPointer) {
            guard let answer = try? answer(message) else {
                return call.fail(GRPCStatus(.invalidArgument, "The message is not a ServerReflectionRequest."))
            }
            isFull = !answer.withUnsafeBytes { call.send($0) }
            if !isFull { call.requestMore(1) }
        }

        func writable() {
            guard isFull else { return }
            isFull = false
            call.requestMore(1)
        }

        func end() { call.finish() }

        /// A `ServerReflectionResponse`: the host and the request come back, then the answer or an error.
        private func answer(_ message: UnsafeRawBufferPointer) throws -> [UInt8] {
            var result: [UInt8] = []
            var content: [UInt8] = []
            var error: String? = "The request asks for nothing that is known here."
            try WireFormat.forEachField(message) { number, bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                switch number {
                case 1: WireFormat.append(1, bytes, to: &result)
                case 3: (content, error) = files(index.file(named: text), "file '\(text)'")
                case 4: (content, error) = files(index.file(defining: text), "symbol '\(text)'")
                case 5:
                    let type = try WireFormat.string(1, in: bytes)
                    (content, error) = ([], "No extensions of '\(type)' are known here.")
                case 6: (content, error) = ([], "No extensions of '\(text)' are known here.")
                case 7: (content, error) = (list(), nil)
                default: break
                }
            }
            WireFormat.append(2, message, to: &result)
            if let error {
                content = []
                var failure: [UInt8] = []
                WireFormat.append(1, varint: UInt64(GRPCCode.notFound.rawValue), to: &failure)
                WireFormat.append(2, error.utf8, to: &failure)
                WireFormat.append(7, failure, to: &content)
            }
            return result + content
        }

        private func files(_ found: Int?, _ what: String) -> ([UInt8], String?) {
            guard let found else { return ([], "The \(what) is not known here.") }
            var response: [UInt8] = []
            for file in index.withImports(found) { WireFormat.append(1, index.files[file].bytes, to: &response) }
            var content: [UInt8] = []
            WireFormat.append(4, response, to: &content)
            return (content, nil)
        }

        private func list() -> [UInt8] {
            var response: [UInt8] = []
            for name in services() {
                var service: [UInt8] = []
                WireFormat.append(1, name.utf8, to: &service)
                WireFormat.append(1, service, to: &response)
            }
            var content: [UInt8] = []
            WireFormat.append(6, response, to: &content)
            return content
        }
    }
}

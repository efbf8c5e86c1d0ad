import COctavo
package import Components
import NIOCore
package import Transport

/// What a filter says of a message.
enum FilterOutcome {
    case goOn(HTTPMessage)
    case answer(HTTPMessage)
    case failed(MiddlewareFailure)
}

/// One question to one filter, as a call of its component. `done` is called once, unless the call is cancelled.
final class FilterCall: CallWaiter {
    private let message: HTTPMessage
    private let handler: MiddlewareHandler
    private let pipeline: String
    private let isAnswer: Bool
    private let done: (FilterOutcome) -> Void

    private static let prefix: StaticString = "header."
    /// A request waits no longer for a filter.
    static let patience = 10_000_000_000 as Int64

    private init(
        _ message: HTTPMessage, _ handler: MiddlewareHandler, _ pipeline: String, isAnswer: Bool, _ done: @escaping (FilterOutcome) -> Void
    ) {
        self.message = message
        self.handler = handler
        self.pipeline = pipeline
        self.isAnswer = isAnswer
        self.done = done
    }

    /// `asked`: of an answer, the headers of its request. `peer`: who asks.
    static func ask(
        _ ref: ComponentRef, _ handler: MiddlewareHandler, in pipeline: String, _ message: HTTPMessage, asked: HeaderFields?, peer: String?,
        _ done: @escaping (FilterOutcome) -> Void
    ) -> CallHandle? {
        let isAnswer = asked != nil
        let wantsBody = ref.features & UInt64(OCTAVO_FILTER_BODY) != 0
        let body = wantsBody ? message.body : nil
        var bytes = message.method.utf8.count + message.target.utf8.count + (body?.readableBytes ?? 0) + 128
        // Each text has at least one byte, each list is aligned.
        bytes += message.headers.byteCount + message.headers.count * (2 + MemoryLayout<octavo_pair>.stride) + 16
        bytes += MemoryLayout<octavo_pair>.stride + (peer?.utf8.count ?? 0) + 16
        if let asked { bytes += asked.byteCount + asked.count * (9 + MemoryLayout<octavo_pair>.stride) }
        let waiter = FilterCall(message, handler, pipeline, isAnswer: isAnswer, done)
        guard
            var slot = ref.open(
                isAnswer ? OCTAVO_FILTER_OP_ON_RESPONSE : OCTAVO_FILTER_OP_ON_REQUEST, octavo_filter_message.self, bytes: bytes,
                deadline: monotonicNanoseconds() + patience, waiter: waiter)
        else { return nil }
        let request = slot.request
        request.pointee.method = slot.text(message.method)
        request.pointee.path = slot.text(message.target)
        request.pointee.status = Int32(message.status)
        let facts = slot.list(of: octavo_pair.self, count: (peer == nil ? 0 : 1) + (asked?.count ?? 0))
        var fact = 0
        if let peer {
            facts.elements[0] = octavo_pair(name: slot.text("remote-address"), value: slot.text(peer))
            fact = 1
        }
        asked?.forEach { name, value in
            prefix.withUTF8Buffer { prefix in
                facts.elements[fact] = octavo_pair(name: slot.text(UnsafeRawBufferPointer(prefix), name), value: slot.text(value))
            }
            fact += 1
        }
        request.pointee.head.metadata = facts.list
        let (pairs, list) = slot.list(of: octavo_pair.self, count: message.headers.count)
        var index = 0
        message.headers.forEach { name, value in
            pairs[index] = octavo_pair(name: slot.text(name), value: slot.text(value))
            index += 1
        }
        request.pointee.headers = list
        if let body { body.withUnsafeReadableBytes { request.pointee.body = slot.bytes($0) } }
        return slot.submit()
    }

    override func failed(_ error: CallError) { done(.failed(MiddlewareFailure(error, handler, in: pipeline))) }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard let reply = reply?.loadUnaligned(as: octavo_filter_reply.self) else { return fail("it gave no answer") }
        switch reply.action {
        case OCTAVO_FILTER_CONTINUE: done(.goOn(message))
        case OCTAVO_FILTER_CHANGE: change(reply)
        case OCTAVO_FILTER_ANSWER: answer(reply)
        default: fail("its answer has the action \(reply.action), which nobody knows")
        }
    }

    private func fail(_ cause: String) { done(.failed(MiddlewareFailure(500, "the \(handler.description) of \(pipeline) is broken: \(cause)"))) }

    private func answer(_ reply: octavo_filter_reply) {
        guard (200...599).contains(reply.status) else { return fail("it answers with the status \(reply.status)") }
        var answer = message
        answer.status = Int(reply.status)
        answer.headers = Self.fields(HeaderFields(), reply)
        answer.body = ByteBuffer(bytes: reply.body.bytes)
        answer.hasNewBody = true
        done(.answer(answer))
    }

    private func change(_ reply: octavo_filter_reply) {
        var changed = message
        changed.headers = Self.fields(message.headers, reply)
        if reply.body.isPresent {
            changed.body = ByteBuffer(bytes: reply.body.bytes)
            changed.hasNewBody = true
        }
        if isAnswer {
            if reply.status != 0 {
                guard (200...599).contains(reply.status) else { return fail("it changes the status to \(reply.status)") }
                changed.status = Int(reply.status)
            }
        } else if reply.path.isPresent {
            let path = reply.path.bytes
            let isGood = path.first == UInt8(ascii: "/") && path.count <= 64 << 10 && path.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }
            guard isGood else { return fail("it changes the path to one that is no path of a URL") }
            changed.target = String(decoding: path, as: UTF8.self)
        }
        done(.goOn(changed))
    }

    /// `fields` with the changes: what a filter gives can neither end a line nor frame a body.
    private static func fields(_ fields: HeaderFields, _ reply: octavo_filter_reply) -> HeaderFields {
        let set = reply.set.elements(as: octavo_pair.self).map { (String($0.name).lowercased(), String($0.value)) }
        let gone = Set(reply.removed.elements(as: octavo_str.self).map { String($0).lowercased() } + set.map(\.0))
        var changed = fields
        if !gone.isEmpty {
            changed = HeaderFields()
            fields.forEach { name, value in
                if !gone.contains(String(decoding: name, as: UTF8.self)) { changed.append(name, value) }
            }
        }
        for (name, value) in set { changed.append(name, value) }
        return changed.withoutFraming
    }
}

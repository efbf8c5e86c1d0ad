import NATSPluginNative
import PluginKit

/// Which stream takes a topic; makes it, when the component is to. On the reactor thread.
final class Streams {
    enum Found {
        case name([UInt8])
        case error(PluginError)
    }

    private let requests: Requests
    private let settings: Settings
    private var waiting: [[UInt8]: [(Found) -> Void]] = [:]

    init(_ requests: Requests, _ settings: Settings) {
        self.requests = requests
        self.settings = settings
    }

    /// Those who ask for the same topic at once are told together.
    func find(_ topic: [UInt8], _ done: @escaping (Found) -> Void) {
        if waiting[topic] != nil {
            waiting[topic]!.append(done)
            return
        }
        waiting[topic] = [done]
        look(topic) { found in
            for one in self.waiting.removeValue(forKey: topic) ?? [] { one(found) }
        }
    }

    private func look(_ topic: [UInt8], _ done: @escaping (Found) -> Void) {
        var body = JSONText()
        body.put("subject", topic)
        requests.ask(Array("STREAM.NAMES".utf8), body) { reply in
            if reply.error != 0 { return done(.error(Failure.from(reply, "look for streams", self.settings))) }
            let names = reply.list("streams")
            if self.settings.streamName.isEmpty, let first = names.first { return done(.name(first)) }
            for name in names where name == self.settings.streamName { return done(.name(name)) }
            if let other = names.first { return done(.error(self.elsewhere(topic, other))) }
            guard self.settings.createsStreams, !Subject.hasWildcard(topic) else { return done(.error(Failure.noStream(topic, self.settings))) }
            self.make(topic, done)
        } failed: { done(.error($0)) }
    }

    private func elsewhere(_ topic: [UInt8], _ other: [UInt8]) -> PluginError {
        let names = [topic, other, settings.streamName].map { String(decoding: $0, as: UTF8.self) }
        return PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "The topic \(names[0]) is with the stream \(names[1]), and the component names the stream \(names[2]). Correct or remove streamName.")
    }

    private func make(_ topic: [UInt8], _ done: @escaping (Found) -> Void) {
        let name = settings.streamName.isEmpty ? Subject.name(of: topic) : settings.streamName
        var body = JSONText()
        body.put("name", name)
        body.put("subjects", texts: [topic])
        body.put("retention", Array("limits".utf8))
        body.put("storage", Array("file".utf8))
        body.put("max_consumers", -1)
        body.put("max_msgs", -1)
        body.put("max_bytes", -1)
        body.put("num_replicas", max(settings.replicas, 1))
        requests.ask(Array("STREAM.CREATE.".utf8) + name, body) { reply in
            switch reply.error {
            case 0: done(.name(name))
            // There is one of this name. Only the one that the component names is its own to change.
            case 10058 where !self.settings.streamName.isEmpty: self.widen(name, topic, done)
            default: done(.error(Failure.from(reply, "make the stream \(String(decoding: name, as: UTF8.self))", self.settings)))
            }
        } failed: { done(.error($0)) }
    }

    /// Adds the topic to the subjects of a stream, whose other settings stay as they are.
    private func widen(_ name: [UInt8], _ topic: [UInt8], _ done: @escaping (Found) -> Void) {
        do throws(PluginError) {
            let subject = (settings.api + Array("STREAM.INFO.".utf8) + name).map { CChar(bitPattern: $0) } + [0]
            try requests.send(subject, UnsafeRawBufferPointer(start: nil, count: 0), RawAnswer { bytes in
                guard let bytes, let changed = Streams.add(topic, to: bytes) else {
                    return done(.error(Failure.noStream(topic, self.settings)))
                }
                self.update(name, changed, done)
            })
        } catch { done(.error(error)) }
    }

    private func update(_ name: [UInt8], _ configuration: [UInt8], _ done: @escaping (Found) -> Void) {
        do throws(PluginError) {
            let subject = (settings.api + Array("STREAM.UPDATE.".utf8) + name).map { CChar(bitPattern: $0) } + [0]
            let question = Question(settings) { reply in
                if reply.error == 0 { return done(.name(name)) }
                done(.error(Failure.from(reply, "change the stream \(String(decoding: name, as: UTF8.self))", self.settings)))
            } failed: { done(.error($0)) }
            try requests.send(subject, configuration, question)
        } catch { done(.error(error)) }
    }

    private final class RawAnswer: Exchange {
        private let done: (UnsafeRawBufferPointer?) -> Void

        init(_ done: @escaping (UnsafeRawBufferPointer?) -> Void) { self.done = done }

        override func answered(_ letter: UnsafePointer<nats_letter>) {
            done(UnsafeRawBufferPointer(start: letter.pointee.data, count: letter.pointee.size))
        }

        override func failed(_ error: PluginError) { done(nil) }
    }

    /// The member `config` of an answer, with one more subject; `nil` when it has no subjects.
    static func add(_ topic: [UInt8], to answer: UnsafeRawBufferPointer) -> [UInt8]? {
        let head = Array("\"config\":".utf8), list = Array("\"subjects\":[".utf8)
        guard let start = find(head, in: answer, from: 0), start < answer.count, answer[start] == 0x7B else { return nil }
        var at = start, depth = 0, isInText = false
        while at < answer.count {
            let byte = answer[at]
            at += 1
            if isInText {
                if byte == 0x5C { at += 1 } else if byte == 0x22 { isInText = false }
            } else if byte == 0x22 {
                isInText = true
            } else if byte == 0x7B {
                depth += 1
            } else if byte == 0x7D {
                depth -= 1
                if depth == 0 { break }
            }
        }
        guard depth == 0, at <= answer.count, let subjects = find(list, in: answer, from: start), subjects < at else { return nil }
        return [UInt8](answer[start..<subjects]) + JSONText.text(topic) + [0x2C] + [UInt8](answer[subjects..<at])
    }

    /// The place after `text`.
    private static func find(_ text: [UInt8], in bytes: UnsafeRawBufferPointer, from: Int) -> Int? {
        var at = from
        while at + text.count <= bytes.count {
            if bytes[at..<at + text.count].elementsEqual(text) { return at + text.count }
            at += 1
        }
        return nil
    }
}

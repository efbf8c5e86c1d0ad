import PluginKit

/// The everyday commands: nothing is allocated for them.
extension Connection {
    func sendGet(_ key: Str, _ call: octavo_call, _ request: UnsafeRawPointer) {
        expect(Pending(kind: .get, call: call, request: request))
        appendGet(key)
    }

    func appendGet(_ key: Str) {
        output.append("*4\r\n$5\r\nHMGET\r\n")
        output.argument(key)
        output.append("$4\r\ndata\r\n$7\r\nversion\r\n")
    }

    func appendGetText(_ key: Str) {
        output.append("*2\r\n$3\r\nGET\r\n")
        output.argument(key)
    }

    func getAnswered(_ item: Pending, _ reply: inout RESPReader) {
        let request = item.request!.assumingMemoryBound(to: octavo_state_get_request.self)
        let array = reply.next()
        if array.kind == .error {
            guard array.text.hasPrefix(Str("WRONGTYPE")) else { return fail(item.call, array.text) }
            expect(Pending(kind: .getText, call: item.call, request: item.request))
            return appendGetText(request.pointee.key)
        }
        let value = reply.next(), version = reply.next()
        let answer = GetReply(Call(item.call))
        guard value.kind == .text else { return answer.missing() }
        answer.found(value: Bytes(value.text.raw), etag: version.kind == .text ? version.text : .absent)
    }

    func getTextAnswered(_ item: Pending, _ reply: inout RESPReader) {
        let value = reply.next()
        let answer = GetReply(Call(item.call))
        switch value.kind {
        case .error: fail(item.call, value.text)
        case .text: answer.found(value: Bytes(value.text.raw), etag: .absent)
        default: answer.missing()
        }
    }

    /// The time to live of a write in milliseconds; 0 = for ever.
    func milliseconds(_ write: UnsafePointer<octavo_state_write>) -> Int64 {
        let ttl = write.pointee.ttl_ns
        if ttl == OCTAVO_TTL_UNSPECIFIED { return settings.ttl }
        // Redis refuses a time that its clock can't hold.
        return ttl < 0 ? 0 : min(max(ttl / 1_000_000, 1), 1 << 52)
    }

    /// Appends the key and the arguments of the set script.
    func appendSet(_ write: UnsafePointer<octavo_state_write>, withSource: Bool) {
        appendScript(.set, withSource: withSource, keys: 1, arguments: 4)
        output.argument(write.pointee.key)
        appendGuard(write)
        output.argument(milliseconds(write))
        output.argument(Str(write.pointee.value.raw))
    }

    func appendGuard(_ write: UnsafePointer<octavo_state_write>) {
        let etag = write.pointee.etag
        let isFirst = write.pointee.operation == OCTAVO_STATE_SET
            && write.pointee.concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE
        output.argument(etag.isPresent ? Script.Guard.match : isFirst ? Script.Guard.first : Script.Guard.none)
        output.argument(etag)
    }

    func appendScript(_ script: Script, withSource: Bool, keys: Int, arguments: Int) {
        output.command(3 + keys + arguments)
        if withSource {
            output.argument("EVAL")
            output.argument(script.source)
        } else {
            output.argument("EVALSHA")
            output.argument(hashes[script.rawValue])
        }
        output.argument(Int64(keys))
    }

    func appendRemove(_ write: UnsafePointer<octavo_state_write>, withSource: Bool) {
        if write.pointee.etag.isPresent {
            appendScript(.remove, withSource: withSource, keys: 1, arguments: 1)
            output.argument(write.pointee.key)
            output.argument(write.pointee.etag)
        } else {
            output.append("*2\r\n$3\r\nDEL\r\n")
            output.argument(write.pointee.key)
        }
    }

    func sendWrite(
        _ request: UnsafePointer<octavo_state_write_request>, _ kind: Pending.Kind, _ call: octavo_call, withSource: Bool
    ) {
        expect(Pending(kind: kind, call: call, request: UnsafeRawPointer(request)))
        if kind == .set {
            appendSet(request.write, withSource: withSource)
        } else {
            appendRemove(request.write, withSource: withSource)
        }
    }

    func writeAnswered(_ item: Pending, _ reply: inout RESPReader) {
        let value = reply.next()
        if value.kind == .error, value.text.hasPrefix(Str("NOSCRIPT")) {
            let request = item.request!.assumingMemoryBound(to: octavo_state_write_request.self)
            return sendWrite(request, item.kind, item.call, withSource: true)
        }
        let answer = WriteReply(Call(item.call))
        do throws(PluginError) {
            let version = try self.version(value)
            if item.kind == .set {
                Decimal.with(UInt64(max(version, 0))) { answer.written(etag: $0) }
            } else {
                answer.done()
            }
        } catch {
            answer.call.fail(error)
        }
    }

    /// The number that a write answered, or why it was not done.
    func version(_ value: RESPValue) throws(PluginError) -> Int64 {
        if value.kind == .integer { return value.integer }
        if value.kind == .error { throw Failure.from(value.text, settings) }
        if value.text.equals(Script.mismatch) { throw .etagMismatch }
        if value.text.equals(Script.exists) { throw .keyExists }
        throw Failure.unexpected(settings)
    }

    private func fail(_ call: octavo_call, _ text: Str) { Call(call).fail(Failure.from(text, settings)) }
}

extension UnsafePointer<octavo_state_write> {
    /// Etags are the numbers that the server counts with.
    func checkEtag() throws(PluginError) {
        if pointee.etag.isPresent, pointee.etag.decimal == nil {
            throw .etagInvalid("Etags of Redis are numbers; this one is not. Use the etag that a read gave.")
        }
    }
}

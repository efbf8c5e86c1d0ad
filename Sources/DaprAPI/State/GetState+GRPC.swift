import BuildingBlocks
import COctavo
import Components
import DaprProtos
import Glibc
import Transport

/// One `GetState` call under way: the only object that it costs. The reply goes from the plugin's memory
/// straight into the outgoing buffer.
final class GetStateCall: CallWaiter, GRPCCanceller {
    private let call: GRPCCall
    private let store: StateStore
    private let key: String?
    private let api: DaprAPI
    private var handle: CallHandle?
    private var isEnded = false

    init(_ call: GRPCCall, _ store: StateStore, _ key: String?, _ api: DaprAPI) {
        self.call = call
        self.store = store
        self.key = key
        self.api = api
    }

    func begin(_ key: UnsafeRawBufferPointer, consistency: Int32, metadata: [(String, String)]) {
        do throws(StateFailure) {
            let handle = try api.state.get(
                store, key: key, consistency: consistency, metadata: metadata, deadline: call.deadlineNanoseconds,
                waiter: self)
            if !isEnded, let handle {
                self.handle = handle
                call.canceller = self
            }
        } catch {
            call.fail(APIError(error, appID: api.appID))
        }
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        isEnded = true
        guard let found = reply?.assumingMemoryBound(to: octavo_state_get_reply.self),
            found.pointee.flags & UInt32(OCTAVO_STATE_FOUND) != 0
        else {
            call.replyEmpty()
            return
        }
        guard found.pointee.metadata.count == 0 else {
            replyWithMetadata(found.pointee)
            return
        }
        // GetStateResponse: 1 data, 2 etag.
        let value = found.pointee.value.bytes
        let etag = found.pointee.etag.bytes
        let size = ProtoField.size(value) + ProtoField.size(etag)
        call.reply(size: size) { out in
            var at = 0
            ProtoField.write(1, value, to: out, &at)
            ProtoField.write(2, etag, to: out, &at)
        }
    }

    private func replyWithMetadata(_ reply: octavo_state_get_reply) {
        var message = Dapr_Proto_Runtime_V1_GetStateResponse()
        message.data.append(contentsOf: reply.value.bytes)
        message.etag = String(reply.etag)
        for pair in reply.metadata.elements(as: octavo_pair.self) {
            message.metadata[String(pair.name)] = String(pair.value)
        }
        call.reply(message)
    }

    override func failed(_ error: CallError) {
        isEnded = true
        call.fail(
            APIError(.component(store: store.name, operation: .get, key: key ?? "the key", error: error), appID: api.appID))
    }

    func cancelled(_ call: GRPCCall, _ reason: GRPCCancelReason) {
        isEnded = true
        handle?.cancel()
        handle = nil
    }
}

/// Length-delimited fields of protobuf messages, written by hand where a message is on the hot path.
/// Source: the protocol buffers encoding guide.
enum ProtoField {
    private static func lengthSize(_ count: Int) -> Int {
        count < 1 << 7 ? 1 : count < 1 << 14 ? 2 : count < 1 << 21 ? 3 : count < 1 << 28 ? 4 : 5
    }

    /// Of a field with a number below 16; an empty one is left out.
    @inline(__always)
    static func size(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.isEmpty ? 0 : 1 + lengthSize(bytes.count) + bytes.count
    }

    @inline(__always)
    static func write(
        _ number: UInt8, _ bytes: UnsafeRawBufferPointer, to out: UnsafeMutableRawBufferPointer, _ at: inout Int
    ) {
        if bytes.isEmpty { return }
        out[at] = number << 3 | 2
        at += 1
        var length = bytes.count
        while length >= 0x80 {
            out[at] = UInt8(truncatingIfNeeded: length) | 0x80
            length >>= 7
            at += 1
        }
        out[at] = UInt8(length)
        at += 1
        memcpy(out.baseAddress.unsafelyUnwrapped + at, bytes.baseAddress.unsafelyUnwrapped, bytes.count)
        at += bytes.count
    }
}

import BuildingBlocks
import DaprProtos
import NIOCore
import ProtoWire
import Transport

/// A call of `EncryptAlpha1` or `DecryptAlpha1`, whose messages are alike: the first has options, each may have a payload,
/// and payloads are numbered from 0. The next message is asked for when the last one has been worked on and the caller
/// reads what came of it, so that a stream of any length holds one message.
final class CryptoStreamCall: GRPCStreamReceiver, CryptoStreamOutput {
    /// What a message holds.
    struct Part {
        let payload: Dapr_Proto_Common_V1_StreamPayload
        let hasPayload: Bool
        var hasOptions = false
        /// Of the first message.
        var stream: CryptoStream?

        init(_ payload: Dapr_Proto_Common_V1_StreamPayload, _ hasPayload: Bool, hasOptions: Bool = false, stream: CryptoStream? = nil) {
            self.payload = payload
            self.hasPayload = hasPayload
            self.hasOptions = hasOptions
            self.stream = stream
        }
    }

    enum Refusal: Error {
        case malformed(GRPCStatus)
        case failure(CryptoFailure)

        static var noOptions: Refusal { .failure(.request("first message does not contain the required options")) }
    }

    /// How long the first message may take. Source: Dapr.
    private static let patience = TimeAmount.seconds(5)

    /// Reads a message; with an output it is the first one, and begins the stream.
    private let read: (UnsafeRawBufferPointer, (any CryptoStreamOutput)?) throws(Refusal) -> Part
    private let call: GRPCCall
    private var stream: CryptoStream?
    private var timer: Scheduled<Void>?
    private var received: UInt64 = 0
    private var sent: UInt64 = 0
    private var isWritable = true
    private var owesCredit = false
    /// Bytes of a payload that waits for the component.
    private var held = 0

    init(
        _ call: GRPCCall, _ read: @escaping (UnsafeRawBufferPointer, (any CryptoStreamOutput)?) throws(Refusal) -> Part
    ) {
        self.call = call
        self.read = read
        let late = NIOLoopBound(self, eventLoop: call.eventLoop)
        timer = call.eventLoop.scheduleTask(in: CryptoStreamCall.patience) { late.value.giveUp() }
    }

    static func decode<Request: Message>(_ message: UnsafeRawBufferPointer, as type: Request.Type) throws(Refusal) -> Request {
        do throws(ProtoError) { return try Request(serializedBytes: message) } catch {
            throw .malformed(GRPCStatus(.internal, "the request is not a valid \(Request.protoMessageName) message: \(error)"))
        }
    }

    private func giveUp() {
        timer = nil
        if stream == nil { failed(.request("error waiting for first message: none came within 5 s")) }
    }

    // MARK: Receiving

    func receive(_ message: UnsafeRawBufferPointer) {
        do throws(Refusal) {
            let part = try read(message, stream == nil ? self : nil)
            if let begun = part.stream {
                timer?.cancel()
                timer = nil
                stream = begun
            } else if part.hasOptions {
                return failed(.data("options found in non-leading message"))
            }
            // A component that answers at once may have ended it already.
            if call.isEnded { return }
            if part.hasPayload { take(part.payload) }
        } catch {
            timer?.cancel()
            timer = nil
            switch error {
            case .malformed(let status): call.fail(status)
            case .failure(let failure): failed(failure)
            }
            return
        }
        owesCredit = true
        goOn()
    }

    private func take(_ payload: Dapr_Proto_Common_V1_StreamPayload) {
        guard payload.seq == received, let stream else {
            return failed(.data("invalid sequence number received: \(payload.seq) (expected: \(received))"))
        }
        received += 1
        if stream.isWaiting {
            guard call.hold(payload.data.count) else { return }
            held += payload.data.count
        }
        payload.data.withUnsafeBytes { stream.add($0) }
    }

    /// Asks for the next message if the time has come.
    private func goOn() {
        guard owesCredit, isWritable, !call.isEnded, let stream, !stream.isWaiting else { return }
        owesCredit = false
        call.requestMore(1)
    }

    func end() {
        guard let stream else {
            return failed(.request("error receiving the first message: the stream ended before it"))
        }
        stream.end()
    }

    func cancelled(_ reason: GRPCCancelReason) { close() }

    func writable() {
        isWritable = true
        goOn()
    }

    private func close() {
        timer?.cancel()
        timer = nil
        stream?.cancel()
    }

    // MARK: Sending

    func write(_ bytes: UnsafeRawBufferPointer) {
        let frame = PayloadFrame(seq: sent, data: bytes)
        sent += 1
        if !call.send(size: frame.size, { frame.write(to: $0) }) { isWritable = false }
    }

    func resumed() {
        call.release(held)
        held = 0
        goOn()
    }

    func finished() { call.finish() }

    func failed(_ failure: CryptoFailure) {
        call.fail(APIError(failure))
        close()
    }
}

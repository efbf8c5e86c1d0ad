import CNGHTTP2
import NIOCore

/// The border to nghttp2: C callbacks in, Swift calls out. The only file that turns its pointers into objects.
///
/// Why the pointers are good:
/// - `user_data` is the `HTTP2Connection`, unretained. The channel's pipeline holds the handler until after
///   `handlerRemoved`, and the session is deleted in `channelInactive` or `handlerRemoved`, whichever is first.
///   nghttp2 calls back only from `mem_recv` and `mem_send`, which are methods of that connection running.
/// - A stream's user data and the source of its body are its `HTTP2Stream`, unretained. The object is in
///   `HTTP2Connection.streams`, which owns it, from `on_begin_headers` until `on_stream_close`, after which nghttp2 never
///   passes the pointer again, or until the session is deleted. It is used again for another stream only then.
/// - Bytes that nghttp2 passes are good until the callback returns; nobody below keeps them.
///
/// Callbacks return 0 always but where noted: what a peer did wrong is said with frames, not with failures, because a
/// failed callback kills the connection without a word.
struct HTTP2Callbacks {
    let pointer: OpaquePointer

    /// Written once, read by nghttp2 when a session is made.
    nonisolated(unsafe) static let shared = HTTP2Callbacks()

    private init() {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else { fatalError("out of memory") }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, onBeginFrame)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onFrameSent)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, onInvalidFrame)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
        pointer = callbacks
    }
}

private func connection(_ userData: UnsafeMutableRawPointer?) -> HTTP2Connection {
    Unmanaged<HTTP2Connection>.fromOpaque(userData!).takeUnretainedValue()
}

private func stream(_ session: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    guard let pointer = nghttp2_session_get_stream_user_data(session, id) else { return nil }
    return Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
}

private func unmanagedStream(_ session: OpaquePointer?, _ id: Int32) -> Unmanaged<HTTP2Stream>? {
    nghttp2_session_get_stream_user_data(session, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0) }
}

private let onBeginHeaders: nghttp2_on_begin_headers_callback = { session, frame, userData in
    let connection = connection(userData)
    let header = frame!.pointee.hd
    connection.headStarted = connection.loop.now
    if frame!.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        let stream = Unmanaged.passUnretained(connection.open(header.stream_id))
        connection.receivingHead = stream
        nghttp2_session_set_stream_user_data(session, header.stream_id, stream.toOpaque())
    } else {
        // Trailers of a request say nothing to us; they are still parsed and counted.
        connection.receivingHead = unmanagedStream(session, header.stream_id)
    }
    return 0
}

private let onHeader: nghttp2_on_header_callback = { _, _, name, nameLength, value, valueLength, _, userData in
    // Called for each field: without the counting of references, which the owner above makes unnecessary.
    Unmanaged<HTTP2Connection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { connection in
        connection.receivingHead?._withUnsafeGuaranteedRef { stream in
            stream.receiveField(
                UnsafeRawBufferPointer(start: name, count: nameLength),
                UnsafeRawBufferPointer(start: value, count: valueLength), connection.loop)
        }
    }
    return 0
}

private let onBeginFrame: nghttp2_on_begin_frame_callback = { _, header, userData in
    // Empty CONTINUATION and HEADERS are bounded by nghttp2; empty DATA is not (CVE-2019-9518).
    if header!.pointee.type == UInt8(NGHTTP2_DATA.rawValue), header!.pointee.length == 0,
        header!.pointee.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0
    {
        connection(userData).countControlFrame()
    }
    return 0
}

private let onFrame: nghttp2_on_frame_recv_callback = { session, frame, userData in
    let header = frame!.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue:
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
            unmanagedStream(session, header.stream_id)?._withUnsafeGuaranteedRef { $0.receiveEnd() }
        }
    case NGHTTP2_HEADERS.rawValue:
        let receiving = Unmanaged<HTTP2Connection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { connection in
            let receiving = connection.receivingHead
            connection.receivingHead = nil
            connection.headStarted = nil
            return receiving
        }
        receiving?._withUnsafeGuaranteedRef { stream in
            if !stream.isHeadComplete {
                stream.isHeadComplete = true
                stream.receiveHead(isLast: header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
            } else if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
                stream.receiveEnd()
            }
        }
    case NGHTTP2_PING.rawValue:
        let connection = connection(userData)
        if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
            connection.pingAcknowledged(
                withUnsafeBytes(of: frame!.pointee.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) })
        } else {
            connection.countControlFrame()
        }
    case NGHTTP2_SETTINGS.rawValue, NGHTTP2_PRIORITY.rawValue, NGHTTP2_RST_STREAM.rawValue:
        connection(userData).countControlFrame()
    default: break
    }
    return 0
}

private let onFrameSent: nghttp2_on_frame_send_callback = { session, frame, userData in
    let header = frame!.pointee.hd
    // A reset that is queued before the last frame is out would overtake it: nghttp2 drops what a closing stream sends.
    if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, connection(userData).hasEarlyAnswers,
        header.type == UInt8(NGHTTP2_DATA.rawValue) || header.type == UInt8(NGHTTP2_HEADERS.rawValue)
    {
        stream(session, header.stream_id)?.answered()
    }
    return 0
}

private let onData: nghttp2_on_data_chunk_recv_callback = { session, flags, id, bytes, count, userData in
    // The window of the connection never waits for one stream; that of the stream waits for its reader.
    nghttp2_session_consume_connection(session, count)
    guard let pointer = nghttp2_session_get_stream_user_data(session, id) else { return 0 }
    Unmanaged<HTTP2Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef { stream in
        stream.receiveData(
            UnsafeRawBufferPointer(start: bytes, count: count),
            inLastFrame: flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
    }
    return 0
}

private let onStreamClose: nghttp2_on_stream_close_callback = { session, id, code, userData in
    guard let stream = stream(session, id) else { return 0 }
    nghttp2_session_set_stream_user_data(session, id, nil)
    connection(userData).close(stream, .reset)
    return 0
}

private let onInvalidFrame: nghttp2_on_invalid_frame_recv_callback = { _, _, _, userData in
    connection(userData).loop.count(.malformedHTTP2)
    return 0
}

/// How nghttp2 asks for the next part of a body: says how much there is and lets `sendData` copy it, so that it is
/// copied once.
let readOutgoing: nghttp2_data_source_read_callback = { session, id, _, limit, flags, source, _ in
    Unmanaged<HTTP2Stream>.fromOpaque(source!.pointee.ptr)._withUnsafeGuaranteedRef { stream in
        stream.nextPart(session, limit, flags!)
    }
}

extension HTTP2Stream {
    /// How many bytes the next DATA frame has; submits the trailers with the last.
    fileprivate func nextPart(_ session: OpaquePointer?, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
        let available = outgoing.readableBytes
        if available == 0, ending == .open {
            isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        guard available <= limit, ending != .open else { return min(available, limit) }
        flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        switch ending {
        case .okTrailers:
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            let trailers = StaticHeaders.shared.okTrailers
            nghttp2_submit_trailer(session, id, trailers.baseAddress, trailers.count)
        case .trailers:
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            trailers?.withFields { _ = nghttp2_submit_trailer(session, id, $0.baseAddress, $0.count) }
        case .open, .endStream: break
        }
        if !isInputEnded { stopInput() }
        return available
    }
}

private let sendData: nghttp2_send_data_callback = { _, _, header, length, source, userData in
    // No padding is ever asked for, so a frame is its header and its bytes.
    Unmanaged<HTTP2Connection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { connection in
        Unmanaged<HTTP2Stream>.fromOpaque(source!.pointee.ptr)._withUnsafeGuaranteedRef { stream in
            connection.writeData(header: header!, length: length, of: stream)
        }
    }
    return 0
}

import CNGHTTP2
import NIOCore

/// The border to nghttp2 as a client: C callbacks in, Swift calls out. The only file of the client that turns its pointers
/// into objects.
///
/// Why the pointers are good:
/// - `user_data` is the `HTTP2ClientConnection`, unretained. The channel's pipeline holds the handler until after
///   `handlerRemoved`, and the session is deleted in `channelInactive`, `close` or `handlerRemoved`, whichever is first,
///   never inside of a callback.
/// - A stream's user data and the source of its body are its `ClientExchange`, unretained. It is in
///   `HTTP2ClientConnection.streams`, which owns it, from before it is submitted until `on_stream_close`, after which
///   nghttp2 never passes the pointer again, or until the session is deleted.
/// - Bytes that nghttp2 passes are good until the callback returns; nobody below keeps them.
struct HTTP2ClientCallbacks {
    let pointer: OpaquePointer

    /// Written once, read by nghttp2 when a session is made.
    nonisolated(unsafe) static let shared = HTTP2ClientCallbacks()

    private init() {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else { fatalError("out of memory") }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, onBeginFrame)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
        pointer = callbacks
    }
}

private func connection(_ userData: UnsafeMutableRawPointer?) -> HTTP2ClientConnection {
    Unmanaged<HTTP2ClientConnection>.fromOpaque(userData!).takeUnretainedValue()
}

private func exchange(_ session: OpaquePointer?, _ id: Int32) -> ClientExchange? {
    guard let pointer = nghttp2_session_get_stream_user_data(session, id) else { return nil }
    return Unmanaged<ClientExchange>.fromOpaque(pointer).takeUnretainedValue()
}

private func unmanagedExchange(_ session: OpaquePointer?, _ id: Int32) -> Unmanaged<ClientExchange>? {
    nghttp2_session_get_stream_user_data(session, id).map { Unmanaged<ClientExchange>.fromOpaque($0) }
}

private let onBeginHeaders: nghttp2_on_begin_headers_callback = { session, frame, userData in
    // Nobody has allowed it to push (RFC 9113 §8.4); nghttp2 takes pushes until the settings are acknowledged.
    guard frame!.pointee.hd.type != UInt8(NGHTTP2_PUSH_PROMISE.rawValue) else {
        return Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }
    unmanagedExchange(session, frame!.pointee.hd.stream_id)?._withUnsafeGuaranteedRef { exchange in
        Unmanaged<HTTP2ClientConnection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { exchange.beginBlock($0) }
    }
    return 0
}

private let onHeader: nghttp2_on_header_callback = { session, frame, name, nameLength, value, valueLength, _, userData in
    guard let pointer = nghttp2_session_get_stream_user_data(session, frame!.pointee.hd.stream_id) else { return 0 }
    Unmanaged<ClientExchange>.fromOpaque(pointer)._withUnsafeGuaranteedRef { exchange in
        exchange.addField(
            UnsafeRawBufferPointer(start: name, count: nameLength),
            UnsafeRawBufferPointer(start: value, count: valueLength))
    }
    return 0
}

private let onBeginFrame: nghttp2_on_begin_frame_callback = { _, header, userData in
    if header!.pointee.type == UInt8(NGHTTP2_DATA.rawValue), header!.pointee.length == 0,
        header!.pointee.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0
    {
        connection(userData).countControlFrame()
    }
    return 0
}

private let onFrame: nghttp2_on_frame_recv_callback = { session, frame, userData in
    let header = frame!.pointee.hd
    let isLast = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue:
        guard isLast else { break }
        unmanagedExchange(session, header.stream_id)?._withUnsafeGuaranteedRef { exchange in
            Unmanaged<HTTP2ClientConnection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { exchange.endInput($0) }
        }
    case NGHTTP2_HEADERS.rawValue:
        unmanagedExchange(session, header.stream_id)?._withUnsafeGuaranteedRef { exchange in
            Unmanaged<HTTP2ClientConnection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { exchange.endBlock(isLast: isLast, $0) }
        }
    case NGHTTP2_SETTINGS.rawValue:
        connection(userData).isGreeted = true
        connection(userData).countControlFrame()
    case NGHTTP2_GOAWAY.rawValue: connection(userData).serverLeaves()
    case NGHTTP2_PING.rawValue, NGHTTP2_PRIORITY.rawValue, NGHTTP2_RST_STREAM.rawValue:
        if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { connection(userData).countControlFrame() }
    default: break
    }
    return 0
}

private let onData: nghttp2_on_data_chunk_recv_callback = { session, _, id, bytes, count, _ in
    // The window of the connection never waits for one stream; that of the stream waits for its reader.
    nghttp2_session_consume_connection(session, count)
    guard let pointer = nghttp2_session_get_stream_user_data(session, id) else { return 0 }
    Unmanaged<ClientExchange>.fromOpaque(pointer)._withUnsafeGuaranteedRef { exchange in
        if !exchange.isEnded { exchange.receiveData(UnsafeRawBufferPointer(start: bytes, count: count)) }
    }
    return 0
}

private let onStreamClose: nghttp2_on_stream_close_callback = { session, id, code, userData in
    guard let exchange = exchange(session, id) else { return 0 }
    nghttp2_session_set_stream_user_data(session, id, nil)
    connection(userData).closed(exchange, code)
    return 0
}

/// How nghttp2 asks for the next part of a body: says how much there is and lets `sendData` copy it, so that it is
/// copied once.
let readRequest: nghttp2_data_source_read_callback = { _, _, _, limit, flags, source, _ in
    Unmanaged<ClientExchange>.fromOpaque(source!.pointee.ptr)._withUnsafeGuaranteedRef { exchange in
        let available = exchange.outgoing.readableBytes
        if available == 0, !exchange.isOutputEnded {
            exchange.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags!.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        guard available <= limit, exchange.isOutputEnded else { return min(available, limit) }
        flags!.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        return available
    }
}

private let sendData: nghttp2_send_data_callback = { _, _, header, length, source, userData in
    // No padding is ever asked for, so a frame is its header and its bytes.
    Unmanaged<HTTP2ClientConnection>.fromOpaque(userData!)._withUnsafeGuaranteedRef { connection in
        Unmanaged<ClientExchange>.fromOpaque(source!.pointee.ptr)._withUnsafeGuaranteedRef { exchange in
            connection.writeData(header: header!, length: length, of: exchange)
        }
    }
    return 0
}

extension HTTP2ClientConnection {
    /// nghttp2's view of our limits, and the settings that tell the server about them.
    func makeSession() -> OpaquePointer? {
        let limits = loop.limits
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0, let option else { return nil }
        defer { nghttp2_option_del(option) }
        // Windows open when a reader has used the bytes, not when they arrive.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_settings(option, 32)
        nghttp2_option_set_max_outbound_ack(option, limits.maxControlFrames + 16)
        nghttp2_option_set_max_continuations(option, 8)

        var session: OpaquePointer?
        let this = Unmanaged.passUnretained(self).toOpaque()
        guard nghttp2_session_client_new2(&session, HTTP2ClientCallbacks.shared.pointer, this, option) == 0, let session
        else { return nil }
        let settings = [
            (NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderBytes),
        ].map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32(clamping: $0.1)) }
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.connectionWindow))
        return session
    }
}

import CNGHTTP2

/// nghttp2's view of our limits, and the settings that tell the peer about them.
extension HTTP2Connection {
    func makeSession() -> OpaquePointer? {
        let limits = loop.limits
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0, let option else { return nil }
        defer { nghttp2_option_del(option) }
        // Windows open when a handler has used the bytes, not when they arrive.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_settings(option, 32)
        nghttp2_option_set_max_outbound_ack(option, limits.maxControlFrames + 16)
        nghttp2_option_set_max_continuations(option, 8)
        let frames = UInt64(limits.maxControlFrames)
        nghttp2_option_set_stream_reset_rate_limit(option, frames + 1, max(1, frames / 10))

        var session: OpaquePointer?
        let this = Unmanaged.passUnretained(self).toOpaque()
        guard nghttp2_session_server_new2(&session, HTTP2Callbacks.shared.pointer, this, option) == 0, let session
        else { return nil }
        let settings = [
            (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams),
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderBytes),
            (NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
        ].map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32(clamping: $0.1)) }
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.connectionWindow))
        return session
    }
}

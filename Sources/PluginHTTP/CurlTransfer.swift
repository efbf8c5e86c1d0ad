public import CCurl
public import PluginKit

/// One transfer of libcurl, of whatever protocol: a subclass sets options with `set` and `handle`, and overrides what it
/// wants to hear of. On the reactor thread.
open class CurlTransfer {
    /// libcurl's handle, for options that `set` does not know. It lives as long as this.
    public let easy: UnsafeMutableRawPointer
    private let problem: UnsafeMutablePointer<CChar>
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    var isCancelled = false
    var hasEnded = false

    /// A handle that speaks HTTP(S), takes no signals, keeps to the system's proxy settings in nothing, and leaves slow names to
    /// themselves when it ends.
    public init() throws(PluginError) {
        guard ccurl_ready() != 0, let made = curl_easy_init() else { throw CurlTransfer.noMemory }
        easy = made
        problem = .allocate(capacity: Int(CURL_ERROR_SIZE))
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, problem)
        ccurl_set_functions(
            easy,
            { bytes, size, count, argument in
                Unmanaged<CurlTransfer>.fromOpaque(argument!)._withUnsafeGuaranteedRef {
                    let taken = !$0.isCancelled && $0.received(UnsafeRawBufferPointer(start: bytes, count: size * count))
                    return taken && !$0.isCancelled ? size * count : 0
                }
            },
            { bytes, size, count, argument in
                Unmanaged<CurlTransfer>.fromOpaque(argument!)._withUnsafeGuaranteedRef {
                    if !$0.isCancelled { $0.received(line: UnsafeRawBufferPointer(start: bytes, count: size * count)) }
                    return $0.isCancelled ? 0 : size * count
                }
            },
            { bytes, size, count, argument in
                Unmanaged<CurlTransfer>.fromOpaque(argument!)._withUnsafeGuaranteedRef {
                    $0.isCancelled
                        ? Int(CURL_READFUNC_ABORT) : $0.provide(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                }
            },
            { argument, offset, origin in
                Unmanaged<CurlTransfer>.fromOpaque(argument!)._withUnsafeGuaranteedRef {
                    offset == 0 && origin == SEEK_SET && $0.rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
                }
            }, Unmanaged.passUnretained(self).toOpaque())
        ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        // Empty: none, whatever the environment says.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        // A peer that is gone without a word is noticed after a minute, also by streams that are silent for hours.
        ccurl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
        ccurl_set_long(easy, CURLOPT_TCP_KEEPIDLE, 20)
        ccurl_set_long(easy, CURLOPT_TCP_KEEPINTVL, 10)
    }

    deinit {
        curl_easy_cleanup(easy)
        for list in lists { curl_slist_free_all(list) }
        problem.deallocate()
    }

    static let noMemory = PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "There is no memory for a request.", flags: OCTAVO_ERROR_RETRYABLE)

    // MARK: Options

    public func set(_ option: CURLoption, _ text: String) {
        text.withCString { _ = ccurl_set_text(easy, option, $0) }
    }

    public func set(_ option: CURLoption, _ number: Int64) { ccurl_set_long(easy, option, number) }

    /// Of the options whose name ends with _LARGE.
    public func set(large option: CURLoption, _ number: Int64) { ccurl_set_large(easy, option, number) }

    /// The bytes are copied.
    public func set(blob option: CURLoption, _ text: String) {
        var text = text
        text.withUTF8 { _ = ccurl_set_blob(easy, option, $0.baseAddress!, $0.count) }
    }

    /// A list of texts: headers, recipients. Kept as long as this.
    public func set(list option: CURLoption, _ texts: [String]) throws(PluginError) {
        var list: UnsafeMutablePointer<curl_slist>?
        for text in texts {
            guard let longer = text.withCString({ curl_slist_append(list, $0) }) else {
                curl_slist_free_all(list)
                throw CurlTransfer.noMemory
            }
            list = longer
        }
        if let list { lists.append(list) }
        ccurl_set_pointer(easy, option, list)
    }

    /// What became of it: CURLINFO_RESPONSE_CODE and others that are numbers.
    public func information(_ what: CURLINFO) -> Int64 { ccurl_get_long(easy, what) }

    /// The whole transfer takes no longer; 0 = no limit. Nanoseconds.
    public func limit(whole: Int64, connecting: Int64, silence: Int64) {
        func milliseconds(_ time: Int64) -> Int64 { min((time + 999_999) / 1_000_000, Int64(Int32.max)) }
        set(CURLOPT_TIMEOUT_MS, max(milliseconds(whole), 0))
        set(CURLOPT_CONNECTTIMEOUT_MS, max(milliseconds(connecting), 1))
        if silence > 0 {
            set(CURLOPT_LOW_SPEED_LIMIT, 1)
            set(CURLOPT_LOW_SPEED_TIME, max((silence + 999_999_999) / 1_000_000_000, 1))
        }
    }

    // MARK: To be overridden

    /// Bytes of what is fetched. `false` ends the transfer with CURLE_WRITE_ERROR.
    open func received(_ bytes: UnsafeRawBufferPointer) -> Bool { true }
    /// A line of the head, with its line end.
    open func received(line: UnsafeRawBufferPointer) {}
    /// Fills `room` with what is to be sent next; the number of bytes, 0 at the end.
    open func provide(_ room: UnsafeMutableRawBufferPointer) -> Int { 0 }
    /// It is to be sent again from its start. `false`: that can't be done, and the transfer fails.
    open func rewind() -> Bool { false }
    /// It is over; `detail` says why when `code` is not CURLE_OK. Called once, unless the transfer was cancelled. New ones may be
    /// begun here.
    open func ended(_ code: CURLcode, _ detail: String) {}

    func end(_ code: CURLcode) {
        guard !hasEnded else { return }
        hasEnded = true
        let said = problem.pointee != 0 ? UnsafePointer(problem) : curl_easy_strerror(code)!
        ended(code, code == CURLE_OK ? "" : String(cString: said))
    }
}

public import CCurl
public import PluginKit

/// Transfers of libcurl on the reactor of a component: its sockets are watches, its clock is a timer. No thread is needed
/// and nothing blocks; names are resolved by a thread of libcurl's.
///
/// Everything is called on the reactor thread, so it is for components of `reactor` types: make it anywhere, `open` it in
/// `start` and `close` it in `stop`.
public final class CurlLoop {
    public let instance: Instance
    /// Transfers at the same time; more are refused.
    private let limit: Int
    private let connections: Int
    private var multi: UnsafeMutableRawPointer?
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    private var watches: [Int32: Watch] = [:]
    private var timer: Timer!

    /// libcurl is at work below: it must not be called again before it returns.
    private var isInside = false
    private var toAdd: [CurlTransfer] = []
    private var toRemove: [CurlTransfer] = []
    private var isToClose = false

    /// - Parameters:
    ///   - limit: transfers at the same time, of which those that find no connection wait.
    ///   - connections: to one host, at the same time. A stream over HTTP/1.1 keeps one for itself.
    public init(_ instance: Instance, limit: Int = 1024, connections: Int = 16) {
        self.instance = instance
        self.limit = limit
        self.connections = connections
        timer = Timer(instance) { [unowned(unsafe) self] in self.act(CURL_SOCKET_TIMEOUT, 0) }
    }

    deinit {
        timer.cancel()
        if let multi { curl_multi_cleanup(multi) }
    }

    public var isOpen: Bool { multi != nil }
    /// Transfers under way.
    public var count: Int { transfers.count + toAdd.count }

    public func open() throws(PluginError) {
        if multi != nil { return }
        guard ccurl_ready() != 0, let made = curl_multi_init() else {
            throw PluginError(OCTAVO_CODE_INTERNAL, "libcurl can't be used: there is no memory for it.")
        }
        ccurl_multi_set_functions(
            made,
            { _, socket, what, argument, _ in
                Unmanaged<CurlLoop>.fromOpaque(argument!)._withUnsafeGuaranteedRef { $0.watch(socket, what) }
                return 0
            },
            { _, milliseconds, argument in
                Unmanaged<CurlLoop>.fromOpaque(argument!)._withUnsafeGuaranteedRef { $0.wake(after: milliseconds) }
                return 0
            }, Unmanaged.passUnretained(self).toOpaque())
        ccurl_multi_set_long(made, CURLMOPT_MAX_HOST_CONNECTIONS, Int64(connections))
        ccurl_multi_set_long(made, CURLMOPT_MAXCONNECTS, Int64(connections))
        multi = made
    }

    /// Ends all transfers with CURLE_ABORTED_BY_CALLBACK and closes all connections. May be opened again.
    public func close() {
        if isInside {
            isToClose = true
            return
        }
        isToClose = false
        guard let multi else { return }
        // What is told of the ends may begin nothing.
        self.multi = nil
        let open = [CurlTransfer](transfers.values) + toAdd
        isInside = true
        for (easy, _) in transfers { curl_multi_remove_handle(multi, easy) }
        transfers = [:]
        toAdd = []
        toRemove = []
        timer.cancel()
        // Before libcurl closes the sockets.
        watches = [:]
        curl_multi_cleanup(multi)
        isInside = false
        for transfer in open where !transfer.isCancelled { transfer.end(CURLE_ABORTED_BY_CALLBACK) }
    }

    /// Begins a transfer; it is kept until it has ended. A transfer is begun once.
    public func begin(_ transfer: CurlTransfer) throws(PluginError) {
        guard multi != nil, !isToClose else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        guard count < limit else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(count) requests of this component are under way already. Send less at a time.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        toAdd.append(transfer)
        if !isInside { settle() }
    }

    /// Ends a transfer: nothing of it is called any more. One that has ended already is left alone.
    public func cancel(_ transfer: CurlTransfer) {
        if transfer.hasEnded || transfer.isCancelled { return }
        transfer.isCancelled = true
        toRemove.append(transfer)
        if !isInside { settle() }
    }

    // MARK: What libcurl asks for

    private func watch(_ socket: Int32, _ what: Int32) {
        guard multi != nil, what != CURL_POLL_REMOVE else {
            watches[socket] = nil
            return
        }
        let events =
            (what & CURL_POLL_IN != 0 ? OCTAVO_EVENT_READABLE : 0) | (what & CURL_POLL_OUT != 0 ? OCTAVO_EVENT_WRITABLE : 0)
        if let present = watches[socket] { return present.change(events) }
        let watch = Watch(instance) { [unowned(unsafe) self] events in
            var mask: Int32 = 0
            if events & OCTAVO_EVENT_READABLE != 0 { mask |= CURL_CSELECT_IN }
            if events & OCTAVO_EVENT_WRITABLE != 0 { mask |= CURL_CSELECT_OUT }
            if events & OCTAVO_EVENT_CLOSED != 0 { mask |= CURL_CSELECT_ERR }
            self.act(socket, mask)
        }
        // One that can't be watched is ended by its time limit.
        if watch.add(socket, events) { watches[socket] = watch } else { instance.warn("A socket can't be watched.") }
    }

    private func wake(after milliseconds: Int) {
        if milliseconds < 0 || multi == nil { return timer.cancel() }
        if !timer.set(after: Int64(milliseconds) * 1_000_000) { instance.warn("There is no timer to be had.") }
    }

    private func act(_ socket: Int32, _ mask: Int32) {
        guard let multi, !isInside else { return }
        isInside = true
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, mask, &running)
        isInside = false
        settle()
    }

    /// Does what could not be done inside of libcurl, and tells of ends.
    private func settle() {
        while true {
            if isToClose { return close() }
            guard let multi else { return }
            if let transfer = toRemove.popLast() {
                toAdd.removeAll { $0 === transfer }
                guard transfers[transfer.easy] != nil else { continue }
                isInside = true
                curl_multi_remove_handle(multi, transfer.easy)
                isInside = false
                transfers[transfer.easy] = nil
                continue
            }
            if !toAdd.isEmpty {
                let transfer = toAdd.removeFirst()
                transfers[transfer.easy] = transfer
                isInside = true
                let code = curl_multi_add_handle(multi, transfer.easy)
                isInside = false
                if code == CURLM_OK { continue }
                transfers[transfer.easy] = nil
                transfer.end(CURLE_OUT_OF_MEMORY)
                continue
            }
            var code = CURLE_OK
            guard let easy = ccurl_multi_next(multi, &code) else { return }
            isInside = true
            curl_multi_remove_handle(multi, easy)
            isInside = false
            // A cancelled one is in `toRemove`, and was taken out above.
            if let transfer = transfers.removeValue(forKey: easy) { transfer.end(code) }
        }
    }
}

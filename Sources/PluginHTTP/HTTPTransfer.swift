public import CCurl
public import PluginKit

/// A request under way.
public final class HTTPTransfer: CurlTransfer {
    private let target: String
    private let body: [UInt8]
    private var sent = 0
    private let isRepeatable: Bool
    private let maxBody: Int
    private var isTooLong = false
    /// Instead of the one that the URL tells.
    private var hostHeader: String?
    private var response = HTTPResponse()
    private var head: ((HTTPResponse) -> Void)?
    private var chunk: ((UnsafeRawBufferPointer) -> Bool)?
    private var done: ((Result<HTTPResponse, HTTPFailure>) -> Void)?

    init(
        _ request: HTTPRequest, _ options: HTTPOptions, head: ((HTTPResponse) -> Void)?, chunk: ((UnsafeRawBufferPointer) -> Bool)?,
        done: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void
    ) throws(PluginError) {
        try request.check()
        target = request.target
        body = request.body ?? []
        maxBody = request.maxBody
        let method = Word(request.method)
        isRepeatable = request.isRepeatable ?? !(method.equals("POST") || method.equals("PATCH"))
        self.head = head
        self.chunk = chunk
        self.done = done
        try super.init()
        if let name = options.tls.serverName, let place = request.place(of: name) {
            // libcurl shows and checks the host of the URL: that is the name, and the connection goes to the host.
            set(CURLOPT_URL, place.url)
            try set(list: CURLOPT_CONNECT_TO, ["::" + place.host + ":"])
            hostHeader = target
        } else {
            set(CURLOPT_URL, request.url)
        }
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_USERAGENT, options.userAgent)
        limit(whole: request.timeout, connecting: options.connectTimeout, silence: request.silence)
        set(
            CURLOPT_HTTP_VERSION,
            Int64(options.usesHTTP2AtOnce ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS))
        // Not CURLOPT_PIPEWAIT: without TLS a request would wait for the answer to the first one, to know the version.
        if let proxy = options.proxy { set(CURLOPT_PROXY, proxy) }
        if let path = options.unixSocket { set(CURLOPT_UNIX_SOCKET_PATH, path) }
        if options.redirects > 0 {
            set(CURLOPT_FOLLOWLOCATION, 1)
            set(CURLOPT_MAXREDIRS, Int64(options.redirects))
        }
        options.tls.apply(to: self)
        try describe(request, method)
        request.configure?(self)
    }

    private func describe(_ request: HTTPRequest, _ method: Word) throws(PluginError) {
        if request.body != nil || method.equals("POST") || method.equals("PUT") || method.equals("PATCH") {
            // Sent by `provide`, so that it is not silently sent twice.
            set(CURLOPT_POST, 1)
            set(large: CURLOPT_POSTFIELDSIZE_LARGE, Int64(body.count))
            if !method.equals("POST") { set(CURLOPT_CUSTOMREQUEST, request.method) }
        } else if method.equals("HEAD") {
            set(CURLOPT_NOBODY, 1)
        } else if !method.equals("GET") {
            set(CURLOPT_CUSTOMREQUEST, request.method)
        }
        var lines: [String] = []
        var hasType = false
        if let hostHeader { lines.append("Host: " + hostHeader) }
        for header in request.headers {
            if Word(header.name).isName("content-type") { hasType = true }
            lines.append(header.value.utf8.isEmpty ? header.name + ";" : header.name + ": " + header.value)
        }
        // libcurl would wait for a word of the server, and call it a form.
        lines.append("Expect:")
        if !hasType { lines.append("Content-Type:") }
        try set(list: CURLOPT_HTTPHEADER, lines)
    }

    public override func provide(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, body.count - sent)
        if count > 0 { body.withUnsafeBytes { _ = memcpy(room.baseAddress!, $0.baseAddress! + sent, count) } }
        sent += count
        return count
    }

    public override func rewind() -> Bool {
        // A redirect, or a demand to authenticate, says that it did nothing.
        guard sent == 0 || isRepeatable || (300..<400).contains(response.status) || response.status == 401 else { return false }
        sent = 0
        return true
    }

    public override func received(line: UnsafeRawBufferPointer) {
        if Str(line).hasPrefix(Str("HTTP/")) {
            // Another answer: after a redirect, or after 100.
            response = HTTPResponse()
            response.status = Int(information(CURLINFO_RESPONSE_CODE))
            return
        }
        var end = line.count
        while end > 0, line[end - 1] == 0x0A || line[end - 1] == 0x0D { end -= 1 }
        if end == 0 {
            response.status = Int(information(CURLINFO_RESPONSE_CODE))
            return
        }
        guard let colon = line[..<end].firstIndex(of: 0x3A) else { return }
        var start = colon + 1
        while start < end, line[start] == 0x20 || line[start] == 0x09 { start += 1 }
        while end > start, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        let name = line[..<colon].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        response.headers.append((name, [UInt8](line[start..<end])))
    }

    public override func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let chunk {
            tellHead()
            return isCancelled ? false : chunk(bytes)
        }
        guard response.body.count + bytes.count <= maxBody else {
            isTooLong = true
            return false
        }
        response.body.append(contentsOf: bytes)
        return true
    }

    private func tellHead() {
        guard let head else { return }
        self.head = nil
        response.status = Int(information(CURLINFO_RESPONSE_CODE))
        head(response)
    }

    public override func ended(_ code: CURLcode, _ detail: String) {
        let done = done
        if code == CURLE_OK {
            tellHead()
            response.status = Int(information(CURLINFO_RESPONSE_CODE))
            // `head` may have cancelled it.
            if !isCancelled { done?(.success(response)) }
        } else {
            done?(
                .failure(
                    HTTPFailure(
                        code, target: target, detail: detail, wasSent: information(CURLINFO_REQUEST_SIZE) > 0, isTooLong: isTooLong)))
        }
        // They may hold this.
        head = nil
        chunk = nil
        self.done = nil
    }
}

/// A text of few letters, compared byte by byte.
private struct Word {
    let bytes: [UInt8]
    init(_ text: String) { bytes = [UInt8](text.utf8) }
    func equals(_ word: StaticString) -> Bool { bytes.withUnsafeBytes { Str($0).equals(word) } }
    /// Whatever the case of its letters; `name` has small ones.
    func isName(_ name: StaticString) -> Bool {
        let small = bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        return small.withUnsafeBytes { Str($0).equals(name) }
    }
}
